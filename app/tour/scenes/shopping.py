"""The scenes of the shoppers: they see shelves, fill carts and leave them."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from itertools import cycle
from typing import Any

from app.tour.people import TIMEOUT, DidNotHappenError, Shopper, browser, shelf
from app.tour.scenes.show import Show
from app.tour.stage import Stage

# Enough that the holdout (a tenth of all people) can't hold back everybody, few enough to follow.
N_SHOPPERS = 6

PLANTED_IN_TOP = 4
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


def show_shelf(show: Show) -> str:
    """Shoppers see “customers also bought”"""
    truth = show.stage.store("/demo/truth")
    planted = truth.get("planted_companions", {})
    show.key = _shop_key(show.stage)
    if not planted:
        return _shelf_of_a_real_history(show)
    n_right = n_pairs = 0
    for product_id, companions in planted.items():
        found = [product["id"] for product in shelf(show.stage, show.key, product_id)["products"]]
        n_pairs += len(companions)
        n_right += len(set(companions) & set(found[:PLANTED_IN_TOP]))
    show.product, show.bought_with = _sellable(show, list(planted))
    n_missing = n_pairs - n_right
    if n_missing > 0.05 * n_pairs:
        raise DidNotHappenError(
            f"{n_missing} of {n_pairs} planted companions are not in the first {PLANTED_IN_TOP}"
        )
    return (
        f"{n_right} of {n_pairs} planted companions among the first {PLANTED_IN_TOP} of their product's shelf"
    )


def _shelf_of_a_real_history(show: Show) -> str:
    home = shelf(show.stage, show.key, placement="home", product="")
    ids = [product["id"] for product in home["products"]]
    show.product, show.bought_with = _sellable(show, ids)
    lists = {product_id: shelf(show.stage, show.key, product_id)["products"] for product_id in ids}
    n_full = sum(len(products) >= 4 for products in lists.values())
    if n_full < len(ids) or any(key in [p["id"] for p in found] for key, found in lists.items()):
        raise DidNotHappenError(
            f"only {n_full} of {len(ids)} bestsellers have a full shelf without themselves"
        )
    return f"full shelves on all {len(ids)} bestsellers looked at"


def _shop_key(stage: Stage) -> str:
    """Read from the storefront's own page, where any shopper's browser finds it."""
    found: list[str] = []

    def is_there() -> bool:
        page = browser().get(stage.store_url, timeout=TIMEOUT).text
        found.extend(re.findall(r'<regulars-shelf[^>]*\bshop="([^"]+)"', page))
        return bool(found)

    stage.troupe.wait_until("the <regulars-shelf> element on the storefront's home page", is_there)
    return found[0]


def _sellable(show: Show, product_ids: list[str]) -> tuple[dict[str, Any], list[str]]:
    """A product in stock that can be put into the cart at once, and the variant to put."""
    for product_id in product_ids:
        for product in shelf(show.stage, show.key, product_id)["products"]:
            if product["variant_id"] and product["is_available"]:
                return product, [product["variant_id"]]
    raise DidNotHappenError("no shelf offers a product that could be added to the cart at once")


def show_in_browser(show: Show) -> str:
    """The page in a real browser"""
    executable = next((found for name in CHROMIUM if (found := shutil.which(name))), None)
    if executable is None:
        return "no Chromium on this machine: looked at over HTTP only"
    page = f"{show.stage.store_url}{show.product['url']}"
    # Chromium's own idea of when a page is done differs from a shopper's; on a busy machine it may look too early.
    ways = cycle(("--virtual-time-budget=15000", "--timeout=6000"))
    show.stage.troupe.wait_until(
        f"a filled shelf in Chromium on {show.product['url']}",
        lambda: "ready" in _shelf_states(executable, next(ways), page),
    )
    return f"the shelf on {show.product['url']} is filled in Chromium"


def _shelf_states(executable: str, patience: str, page: str) -> list[str]:
    """How far each shelf of a page has come when Chromium writes the page down."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [
            executable, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync",
            "--disable-background-networking", "--disable-component-update", "--disable-quic",
            f"--user-data-dir={profile}", "--window-size=1280,6000", patience, "--dump-dom", page,
        ]  # fmt: skip
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)  # noqa: S603
        except subprocess.TimeoutExpired:
            return []
    return re.findall(r'<regulars-shelf[^>]*\bstate="(\w+)"', done.stdout)


def leave_carts(show: Show) -> str:
    """Shoppers leave their carts"""
    show.shoppers = [
        Shopper(show.stage, f"shopper{n}@regulars-demo.example") for n in range(1, N_SHOPPERS + 1)
    ]
    for shopper in show.shoppers:
        shopper.subscribe()
    # The shop's clock runs fast: on a busy machine a mail could fall due before the permission was read.
    show.stage.troupe.wait_until("the sign-ups' arrival in the app", show.merchant.has_read_everything)
    show.buyer = show.shoppers[-1]
    show.buyer.leave_cart(show.bought_with)
    show.buyer.buy()
    for shopper in show.shoppers[:-1]:
        shopper.leave_cart(show.bought_with)
    return f"{N_SHOPPERS} shoppers fill carts and type their address; one of them buys after all"
