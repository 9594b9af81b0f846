"""Owns the browser, the two servers and the page a widget test looks at; must not decide what is right."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.conftest import PAGE_PATIENCE_SECONDS

from .servers import Regulars, Shop

# Where a page's clock begins when a test moves it, and where it is stopped: seconds.
BEGINS_AT = 1_795_199_400
AN_HOUR_LATER = BEGINS_AT + 3600

# Chromium's own remark on an answer that wasn't 200, or was cut off: the page's network log, not our doing.
NOT_OURS = ("Failed to load resource", "net::ERR_")

WATCH = """
window.cls = 0; window.lcp = null; window.thrown = []
new PerformanceObserver((list) => list.getEntries().forEach((e) => { if (!e.hadRecentInput) window.cls += e.value }))
  .observe({ type: 'layout-shift', buffered: true })
new PerformanceObserver((list) => list.getEntries().forEach((e) => { window.lcp = e.element && e.element.tagName }))
  .observe({ type: 'largest-contentful-paint', buffered: true })
addEventListener('unhandledrejection', (e) => window.thrown.push(String(e.reason)))
// How long an answer may take is noted, and kept only where a page says it is hurried: a busy machine has its time.
window.patience = []
{
  const limit = AbortSignal.timeout.bind(AbortSignal)
  AbortSignal.timeout = (ms) => {
    window.patience.push(ms)
    return window.isHurried ? limit(ms) : new AbortController().signal
  }
}
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture
def shop() -> Iterator[Shop]:
    with closing(Shop()) as server:
        yield server


@pytest.fixture
def regulars() -> Iterator[Regulars]:
    with closing(Regulars()) as server:
        yield server


class Visit:
    """One visitor's tab, which remembers every complaint the page makes."""

    def __init__(self, context: BrowserContext, shop: Shop) -> None:
        self.page: Page = context.new_page()
        self.shop = shop
        self.complaints: list[str] = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._hear)

    def _hear(self, message: Any) -> None:
        if message.type in {"error", "warning"} and not any(words in message.text for words in NOT_OURS):
            self.complaints.append(message.text)

    def open(self, html: str, path: str = "/products/teapot") -> Page:
        self.shop.pages[path] = html
        self.page.goto(self.shop.origin + path)
        return self.page

    def wait_for_state(self, state: str, n_shelves: int = 1) -> None:
        # Not wait_for_function, which a page's own Content-Security-Policy forbids as soon as it looks twice.
        expect(self.page.locator(f'regulars-shelf[state="{state}"]')).to_have_count(n_shelves)

    def leave(self) -> None:
        """Goes to another page, as visitors do, and waits until the first is gone."""
        self.page.goto(self.shop.origin + "/elsewhere")

    def after_a_frame(self) -> None:
        """Waits until what was scheduled for the next frames, observers of sight included, has run.

        By observers, each of which reports in a frame of its own: a test may have stopped the page's timers.
        """
        self.page.evaluate(
            """async () => {
                 const frame = (done) =>
                   new IntersectionObserver((_, o) => { o.disconnect(); done() }).observe(document.body)
                 for (let n = 0; n < 3; n++) await new Promise(frame)
                 const { port1, port2 } = new MessageChannel()
                 await new Promise((done) => { port1.onmessage = done; port2.postMessage(0) })
               }"""
        )

    def wait_until(self, what: str, is_so: Callable[[], bool]) -> None:
        """Lets the browser's news come in until this is so."""
        ends_at = time.monotonic() + PAGE_PATIENCE_SECONDS
        while not is_so():
            assert time.monotonic() < ends_at, f"{what} did not happen"
            self.page.wait_for_timeout(10)

    def stop_time(self) -> None:
        """From now on the page's timers go by `clock.run_for` alone; its clock was installed at BEGINS_AT."""
        self.page.clock.pause_at(AN_HOUR_LATER)

    def shift(self) -> float:
        self.after_a_frame()
        return float(self.page.evaluate("window.cls"))


@pytest.fixture
def new_visit(chromium: Browser, shop: Shop) -> Iterator[Any]:
    contexts: list[BrowserContext] = []

    def make(**options: Any) -> Visit:
        context = chromium.new_context(**({"viewport": {"width": 1280, "height": 900}} | options))
        context.add_init_script(WATCH)
        context.set_default_timeout(PAGE_PATIENCE_SECONDS * 1000)
        contexts.append(context)
        return Visit(context, shop)

    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def visit(new_visit: Any) -> Visit:
    tab: Visit = new_visit()
    return tab
