"""One attempt to deliver a webhook, with Shopify's patience: 1 s to connect, 5 s in all, redirects are errors."""

from __future__ import annotations

import time
from dataclasses import dataclass

import requests
from urllib3.exceptions import HTTPError

CONNECT_SECONDS = 1.0
TOTAL_SECONDS = 5.0
# Enough to free the connection for the next delivery; nobody reads the answer.
_ANSWER_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Attempt:
    status: int | None
    took_seconds: float
    problem: str = ""

    @property
    def is_success(self) -> bool:
        return self.status is not None and 200 <= self.status < 300 and not self.problem


class Courier:
    """Keeps its connections open between deliveries; one per thread."""

    def __init__(self) -> None:
        self._session = requests.Session()
        self._session.trust_env = False

    def deliver(self, uri: str, headers: dict[str, str], raw: bytes) -> Attempt:
        began = time.monotonic()
        try:
            with self._session.post(
                uri,
                data=raw,
                headers=headers,
                timeout=(CONNECT_SECONDS, TOTAL_SECONDS),
                allow_redirects=False,
                stream=True,
            ) as answer:
                answer.raw.read(_ANSWER_BYTES, decode_content=False)
                took = time.monotonic() - began
                return Attempt(answer.status_code, took, "took too long" if took > TOTAL_SECONDS else "")
        except (requests.RequestException, HTTPError, OSError) as problem:
            return Attempt(None, time.monotonic() - began, type(problem).__name__)

    def close(self) -> None:
        self._session.close()
