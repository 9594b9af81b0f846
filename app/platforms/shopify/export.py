"""Reads the file of a bulk export in bounded memory: downloads it, joins children to parents, yields both.

Children are joined by `__parentId`, never by standing next to their parent: since 2026-01 they come in any
order. The file is spread over spool files by parent, each small enough to be held, so that forty thousand orders
with a million lines need no more memory than one spool file.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from time import sleep
from typing import Any, Final
from zlib import crc32

import requests

from app.platforms.base import PlatformError, UnreadableError
from app.platforms.strictjson import decode_object

# A spool file of this size holds some 60,000 lines; they are kept as bytes and decoded root by root.
SPOOL_BYTES: Final = 16 * 1024 * 1024
# Open files are limited to 1,024 on most systems.
_MAX_SPOOLS: Final = 256
_CHUNK_BYTES: Final = 1024 * 1024
# Seconds to connect, seconds between bytes.
_TIMEOUT_SECONDS: Final = (5.0, 60.0)
# How often a download that broke off is taken up again, and the pause before each.
_PAUSES_SECONDS: Final = (1.0, 2.0, 4.0, 8.0)

# An unescaped quote can't stand inside a JSON text, so this can only be a name. Its value is a global id: no
# quotes, and no escapes but `\/`.
_PARENT_NAME: Final = b'"__parentId"'
_VALUE: Final = re.compile(rb'\s*:\s*"([^"]+)"')
# The queries ask for `id` first, and the shop keeps that order; any other is decoded.
_ID_FIRST: Final = re.compile(rb'\s*\{\s*"id"\s*:\s*"([^"]+)"')
# Signs of what PostgreSQL can't store; rare enough to look closer then.
_SUSPECT: Final = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")

# `json.loads` would guess the encoding of every line again.
_JSON: Final = json.JSONDecoder()

Node = dict[str, Any]


def read_joined(path: Path, *, n_skip: int = 0) -> Iterator[tuple[Node, list[Node]]]:
    """Yield every root of a JSONL file with its children, leaving out the first `n_skip` roots.

    The order depends on the file alone: roots of one spool file in the file's order, spool after spool. A small
    file is one spool, so it keeps its order altogether.
    """
    with tempfile.TemporaryDirectory(prefix="regulars-export-") as folder:
        for spool in _spread(path, Path(folder)):
            roots, children = _grouped(spool)
            if spool != path:
                spool.unlink()
            for position, (root_id, line) in enumerate(roots.items()):
                if n_skip > 0:
                    n_skip -= 1
                    continue
                node = _decode(line, f"{spool.name}:{position}")
                yield node, [_decode(child, root_id.decode()) for child in children.pop(root_id, ())]


def download(session: requests.Session, url: str, path: Path, pause: Callable[[float], None] = sleep) -> None:
    """Fetch an export's file, going on where a broken connection stopped.

    No token is sent: the address is signed by itself and belongs to another host.

    Raises:
        PlatformError: the file can't be had.
    """
    for pause_seconds in (*_PAUSES_SECONDS, None):
        try:
            _append(session, url, path)
            return
        except (requests.RequestException, _BrokenOffError) as error:
            if pause_seconds is None:
                name = type(error).__name__
                raise PlatformError(f"the export's file could not be downloaded ({name})") from None
            pause(pause_seconds)


class _BrokenOffError(Exception):
    """The connection ended before the file did."""


def _append(session: requests.Session, url: str, path: Path) -> None:
    n_have = path.stat().st_size if path.exists() else 0
    # Plain bytes, as a range of a compressed file would be counted otherwise.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={n_have}-"} if n_have else {})
    with session.get(
        url, headers=headers, stream=True, timeout=_TIMEOUT_SECONDS, allow_redirects=False
    ) as answer:
        if answer.status_code == 416 and n_have:  # nothing is left of it
            return
        if answer.status_code >= 500 or answer.status_code == 429:
            raise _BrokenOffError
        if answer.status_code not in (200, 206):
            # 7 days after the export its address ends; a new export is needed then.
            raise PlatformError(
                f"the export's file is gone ({answer.status_code}); begin the export again", permanent=True
            )
        is_rest = answer.headers.get("Content-Range", "").startswith(f"bytes {n_have}-")
        n_expected = answer.headers.get("Content-Length", "")
        with path.open("ab" if is_rest else "wb") as spool:
            for chunk in answer.iter_content(_CHUNK_BYTES):
                spool.write(chunk)
        n_fetched = path.stat().st_size - (n_have if is_rest else 0)
        if n_expected.isdigit() and n_fetched < int(n_expected):
            raise _BrokenOffError


def _spread(path: Path, folder: Path) -> list[Path]:
    """Write each line to the spool of its root, so that a root and its children end in the same one."""
    n_spools = min(_MAX_SPOOLS, 1 + path.stat().st_size // SPOOL_BYTES)
    if n_spools == 1:
        return [path]
    names = [folder / str(number) for number in range(n_spools)]
    with ExitStack() as stack:
        spools = [stack.enter_context(name.open("wb", buffering=256 * 1024)) for name in names]
        with path.open("rb") as lines:
            for line in lines:
                number = crc32(_parent_id(line) or _root_id(line)) % n_spools
                spools[number].write(line if line.endswith(b"\n") else line + b"\n")
    return names


def _grouped(spool: Path) -> tuple[dict[bytes, bytes], dict[bytes, list[bytes]]]:
    """Roots in their order, and children by parent in theirs. A root that comes twice counts once, the last."""
    roots: dict[bytes, bytes] = {}
    children: dict[bytes, list[bytes]] = {}
    with spool.open("rb") as lines:
        for line in lines:
            if parent_id := _parent_id(line):
                children.setdefault(parent_id, []).append(line)
            elif not line.isspace():
                roots[_root_id(line)] = line
    return roots, children


def _parent_id(line: bytes) -> bytes | None:
    at = line.rfind(_PARENT_NAME)
    found = _VALUE.match(line, at + len(_PARENT_NAME)) if at >= 0 else None
    return found[1].replace(b"\\/", b"/") if found else None


def _root_id(line: bytes) -> bytes:
    if quick := _ID_FIRST.match(line):
        return quick[1].replace(b"\\/", b"/")
    if line.isspace():
        return b""
    found = _decode(line, "a line of the export").get("id")
    if not isinstance(found, str):
        raise UnreadableError("a line of the export has neither an id nor a parent")
    return found.encode()


def _decode(line: bytes, place: str) -> Node:
    if b"\\u" in line and _SUSPECT.search(line):
        return decode_object(line.rstrip())
    try:
        node = _JSON.decode(line.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise UnreadableError(f"{place}: not JSON ({type(error).__name__})") from None
    if not isinstance(node, dict):
        raise UnreadableError(f"{place}: not an object")
    return node
