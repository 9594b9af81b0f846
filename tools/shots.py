"""Takes the README's pictures again: opens the demo, plays its scenes, looks at its pages in Chromium."""

from __future__ import annotations

import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rich.console import Console

from app.cli_demo import _progress_of
from app.tour import scenes
from app.tour.people import Merchant
from app.tour.stage import Options, set_stage

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Frame, Page

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "pictures"

# An hour of the shop in a second: nobody watches.
SPEED = 3600.0

# Bytes; a README is read on phones too.
MAX_BYTES = 300_000

# As much as gives every page something to show: credit on Home, each kind of line in the ledger.
SCENES = (
    scenes.install,
    scenes.import_history,
    scenes.learn,
    scenes.switch_on,
    scenes.show_shelf,
    scenes.leave_carts,
    scenes.receive_cart_mails,
    scenes.come_back,
    scenes.unsubscribe,
    scenes.win_back,
)

# How often the shopper looks, and for how long: a shelf counts as seen after a second (widget/src).
N_LOOKS = 4
SEEN_MILLISECONDS = 1500

SHELF = "regulars-shelf"
READY = "regulars-shelf[state=ready]"

Scheme = Literal["light", "dark"]


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture: where, how large, and what has to be there before it is taken."""

    name: str
    url: str
    width: int
    height: int
    wanted: str
    scheme: Scheme = "light"
    # Pixels of the picture for one of the page; phones have fine screens.
    scale: float = 1
    # What is brought to the top of the picture; the page's own top without it.
    top: str | None = None
    # The app's pages stand in a frame of the shop's admin.
    is_framed: bool = False


def main() -> int:
    console = Console(highlight=False)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    FOLDER.mkdir(parents=True, exist_ok=True)
    with set_stage(Options(speed=SPEED), console) as stage, chromium() as browser:
        show = scenes.Show(stage, Merchant(stage), _progress_of(stage))
        for scene in SCENES:
            console.print(f"{str(scene.__doc__).strip()}: {scene(show)}", soft_wrap=True)
        return take_all(browser, show, console)


def take_all(browser: Browser, show: scenes.Show, console: Console) -> int:
    """Take every picture; 1 when one is too large for a README."""
    shop(browser, show)
    show.merchant.submit("/admin/checklist/dismiss", {})
    too_large = [shot.name for shot in shots(show) if take(browser, shot, console) > MAX_BYTES]
    if too_large:
        console.print(f"[red]larger than {MAX_BYTES:,} bytes: {', '.join(too_large)}[/]")
    return 1 if too_large else 0


def shop(browser: Browser, show: scenes.Show) -> None:
    """A shopper who allows counting looks at shelves, and follows one: Home has something to tell of it."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(show.stage.store_url + show.product["url"])
    page.get_by_role("button", name="Accept").click()
    for number in range(N_LOOKS):
        page.reload()
        page.locator(SHELF).scroll_into_view_if_needed()
        page.locator(READY).wait_for()
        page.wait_for_timeout(SEEN_MILLISECONDS)
        if number == 0:
            page.locator(f"{SHELF} a").first.click()
            page.wait_for_url(lambda url: not url.endswith(show.product["url"]))
    context.close()


def shots(show: scenes.Show) -> list[Shot]:
    """Every picture of the README."""
    product = show.stage.store_url + show.product["url"]
    mail = f"{show.stage.store_url}/inbox/{_mail(show)}"
    taken = [
        Shot("shelf", product, 1280, 1350, READY),
        Shot("shelf-phone", product, 390, 844, READY, top=SHELF, scale=2),
        Shot("mail", mail, 1000, 1290, "iframe.sheet"),
        Shot("mail-phone", f"{mail}/html", 390, 844, "a", scale=2),
    ]
    admin = f"{show.stage.admin_url}/admin"
    pages = {
        "home": (f"{admin}/", 830),
        "messages": (f"{admin}/messages", 860),
        "recommendations": (f"{admin}/recommendations/products/{show.product['id']}", 860),
    }
    for name, (url, height) in pages.items():
        taken.append(Shot(name, url, 1280, height, "main", is_framed=True))
        taken.append(Shot(f"{name}-dark", url, 1280, height, "main", "dark", is_framed=True))
    return taken


def take(browser: Browser, shot: Shot, console: Console) -> int:
    """Take one picture; returns its bytes."""
    context = browser.new_context(
        viewport={"width": shot.width, "height": shot.height},
        color_scheme=shot.scheme,
        device_scale_factor=shot.scale,
        is_mobile=shot.width < 500,
        reduced_motion="reduce",
        locale="en-GB",
    )
    page = context.new_page()
    page.goto(shot.url, wait_until="networkidle")
    if shot.is_framed:
        _frame(page, shot)
    else:
        _settle(page, shot)
    page.wait_for_load_state("networkidle")
    picture = page.screenshot(path=FOLDER / f"{shot.name}.png")
    context.close()
    console.print(f"{shot.name}.png {len(picture):,} bytes")
    return len(picture)


def _settle(page: Page, shot: Shot) -> None:
    """Answer the shop's question, let everything load that loads late, and stand where the picture is taken."""
    decline = page.get_by_role("button", name="Decline")
    if decline.is_visible():
        decline.click()
        page.mouse.move(0, 0)
    place = page.locator(shot.wanted).first
    if shot.wanted == READY:
        page.locator(SHELF).first.scroll_into_view_if_needed()
    place.wait_for()
    top = page.locator(shot.top).first.evaluate(_DISTANCE_FROM_TOP) if shot.top else 0
    page.evaluate("y => window.scrollTo({top: y, behavior: 'instant'})", top)


def _frame(page: Page, shot: Shot) -> Frame:
    """The app's own document, once it is no longer the page that fetches the token."""
    element = page.wait_for_selector("iframe")
    frame = element.content_frame() if element else None
    if frame is None:
        raise RuntimeError(f"{shot.url} shows no frame")
    frame.wait_for_selector(shot.wanted)
    return frame


def _mail(show: scenes.Show) -> int:
    if show.returned is None:
        raise RuntimeError("no mail came")
    return int(show.returned.mails()[0]["id"])


# A little of what stands above stays in the picture.
_DISTANCE_FROM_TOP = "element => element.getBoundingClientRect().top + window.scrollY - 24"


@contextmanager
def chromium() -> Iterator[Any]:
    """The machine's Chromium, or playwright's own."""
    from playwright.sync_api import sync_playwright

    found = next((path for name in scenes.CHROMIUM if (path := shutil.which(name))), None)
    quiet = [
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    ]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=found, args=["--no-sandbox", "--no-first-run", "--hide-scrollbars", *quiet]
        )
        try:
            yield browser
        finally:
            browser.close()


if __name__ == "__main__":
    sys.exit(main())
