"""Files of bulk exports: downloads that break off, children in any order, memory that stays bounded."""

from __future__ import annotations

import json
import random
import tracemalloc
from pathlib import Path

import pytest
import requests
import responses
from hypothesis import given
from hypothesis import strategies as st

from app.platforms.base import PlatformError, UnreadableError
from app.platforms.shopify import export
from app.platforms.shopify.export import download, read_joined

URL = "https://storage.example/bulk-1.jsonl"


def _order(number: int) -> dict:
    return {"id": f"gid://shopify/Order/{number}", "name": f"#{number}"}


def _line(number: int, parent: int) -> dict:
    return {
        "id": f"gid://shopify/LineItem/{number}",
        "title": '"__parentId":"gid://shopify/Order/1"',
        "__parentId": f"gid://shopify/Order/{parent}",
    }


def _write(path: Path, objects: list[dict], **dumps: object) -> Path:
    path.write_text("".join(json.dumps(each, **dumps) + "\n" for each in objects), encoding="utf-8")
    return path


def _read(path: Path, n_skip: int = 0) -> list[tuple[str, list[str]]]:
    return [
        (root["id"].rsplit("/")[-1], [child["id"].rsplit("/")[-1] for child in children])
        for root, children in read_joined(path, n_skip=n_skip)
    ]


def test_children_are_found_wherever_they_stand(tmp_path):
    objects = [_line(11, 1), _order(2), _line(21, 2), _order(1), _line(22, 2), _order(3), _line(12, 1)]
    assert _read(_write(tmp_path / "e", objects)) == [("2", ["21", "22"]), ("1", ["11", "12"]), ("3", [])]


@pytest.mark.parametrize("dumps", [{"separators": (",", ":")}, {"indent": None}, {"sort_keys": True}])
def test_spacing_and_the_order_of_names_do_not_matter(tmp_path, dumps):
    objects = [_order(1), _line(11, 1), _line(12, 1)]
    assert _read(_write(tmp_path / "e", objects, **dumps)) == [("1", ["11", "12"])]


def test_escaped_slashes_name_the_same_parent(tmp_path):
    path = tmp_path / "e"
    path.write_bytes(
        b'{"id":"gid:\\/\\/shopify\\/Order\\/1"}\n{"id":"gid://shopify/LineItem/11","__parentId":"gid://shopify/Order/1"}\n'
    )
    assert _read(path) == [("1", ["11"])]


def test_an_empty_file_and_empty_lines_say_nothing(tmp_path):
    (tmp_path / "e").write_bytes(b"")
    assert _read(tmp_path / "e") == []
    (tmp_path / "e").write_bytes(b'\n{"id":"gid://shopify/Order/1"}\n\n')
    assert _read(tmp_path / "e") == [("1", [])]


def test_the_last_line_needs_no_end(tmp_path):
    (tmp_path / "e").write_bytes(b'{"id":"gid://shopify/Order/1"}\n{"id":"gid://shopify/Order/2"}')
    assert _read(tmp_path / "e") == [("1", []), ("2", [])]


@pytest.mark.parametrize("raw", [b"[]\n", b"{}\n", b"{\n", b'{"id":7}\n', b'{"id":"x","a":"\\ud800"}\n'])
def test_a_line_that_is_no_object_with_an_id_is_refused(tmp_path, raw):
    (tmp_path / "e").write_bytes(raw)
    with pytest.raises(UnreadableError):
        _read(tmp_path / "e")


@given(
    seed=st.integers(0, 2**32),
    n_orders=st.integers(1, 40),
    spool_bytes=st.sampled_from([10**9, 2_000, 300]),
    n_skip=st.integers(0, 45),
)
def test_any_shuffle_over_any_number_of_spools_joins_the_same(
    tmp_path_factory, seed, n_orders, spool_bytes, n_skip
):
    shuffled = random.Random(seed)
    truth = {str(n): {str(100 * n + i) for i in range(shuffled.randrange(4))} for n in range(1, n_orders + 1)}
    objects = [_order(int(n)) for n in truth] + [
        _line(int(child), int(n)) for n, children in truth.items() for child in children
    ]
    shuffled.shuffle(objects)
    path = _write(tmp_path_factory.mktemp("export") / "e", objects)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(export, "SPOOL_BYTES", spool_bytes)
        found = _read(path)
        assert {root: set(children) for root, children in found} == truth
        assert len(found) == n_orders
        assert _read(path, n_skip) == found[n_skip:]


def test_memory_is_bounded_by_a_spool_not_by_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(export, "SPOOL_BYTES", 200_000)
    path = tmp_path / "e"
    with path.open("w", encoding="utf-8") as file:
        for number in range(1, 2_001):
            file.write(json.dumps(_order(number)) + "\n")
        for line in range(40_000):
            file.write(json.dumps(_line(line, 1 + line % 2_000)) + "\n")
    tracemalloc.start()
    n_children = sum(len(children) for _, children in read_joined(path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert n_children == 40_000
    assert path.stat().st_size > 5_000_000
    # Every spool has a buffer of 256 KiB while lines are spread; beyond those, a spool's own lines.
    assert peak < 2_000_000 + 256 * 1024 * (1 + path.stat().st_size // 200_000)


@pytest.fixture
def storage():
    with responses.RequestsMock() as mock:
        yield mock


def test_a_download_carries_no_token_and_asks_for_plain_bytes(tmp_path, storage):
    storage.get(URL, body=b"abc")
    download(requests.Session(), URL, tmp_path / "e")
    assert (tmp_path / "e").read_bytes() == b"abc"
    headers = storage.calls[0].request.headers
    assert "X-Shopify-Access-Token" not in headers
    assert headers["Accept-Encoding"] == "identity"


def test_a_download_goes_on_where_it_broke_off(tmp_path, storage):
    pauses: list[float] = []
    storage.get(URL, body=requests.ConnectionError())
    storage.get(
        URL,
        status=206,
        body=b"cde",
        headers={"Content-Range": "bytes 2-4/5"},
        match=[responses.matchers.header_matcher({"Range": "bytes=2-"})],
    )
    (tmp_path / "e").write_bytes(b"ab")
    download(requests.Session(), URL, tmp_path / "e", pauses.append)
    assert (tmp_path / "e").read_bytes() == b"abcde"
    assert pauses == [1.0]


def test_a_server_that_knows_no_ranges_begins_again(tmp_path, storage):
    (tmp_path / "e").write_bytes(b"ab")
    storage.get(URL, body=b"abcde")
    download(requests.Session(), URL, tmp_path / "e")
    assert (tmp_path / "e").read_bytes() == b"abcde"


def test_a_file_that_stays_away_is_tried_five_times(tmp_path, storage):
    pauses: list[float] = []
    storage.get(URL, status=503)
    with pytest.raises(PlatformError, match="could not be downloaded") as failure:
        download(requests.Session(), URL, tmp_path / "e", pauses.append)
    assert not failure.value.permanent
    assert pauses == [1.0, 2.0, 4.0, 8.0]


@pytest.mark.parametrize("status", [302, 403, 404])
def test_a_file_that_is_gone_needs_a_new_export(tmp_path, storage, status):
    storage.get(URL, status=status, headers={"Location": "https://evil.example/"})
    with pytest.raises(PlatformError, match="begin the export again") as failure:
        download(requests.Session(), URL, tmp_path / "e")
    assert failure.value.permanent
