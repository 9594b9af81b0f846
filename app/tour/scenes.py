"""The demo's scenes, in order: what is done, and what is then seen from outside. The first unseen one ends the show."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

import requests

from app.tour.people import (
    TIMEOUT,
    DidNotHappenError,
    Merchant,
    Shopper,
    browser,
    header,
    inbox,
    pause,
    shelf,
)
from app.tour.stage import Stage

# Enough that the holdout (a tenth of all people) can't hold back everybody, few enough to follow.
N_SHOPPERS = 6

IMPORT_SECONDS = 900
MAIL_SECONDS = 60
PLANTED_IN_TOP = 4
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


@dataclass(slots=True)
class Show:
    """What the scenes know of each other."""

    stage: Stage
    merchant: Merchant
    progress: Callable[[str], dict[str, Any]]
    key: str = ""
    product: dict[str, Any] = field(default_factory=dict)
    bought_with: list[str] = field(default_factory=list)
    shoppers: list[Shopper] = field(default_factory=list)
    buyer: Shopper | None = None
    returned: Shopper | None = None


Scene = Callable[[Show], str]


def install(show: Show) -> str:
    """The merchant installs it"""
    landed = show.merchant.install_by_grant()
    state = show.stage.store("/demo/state")
    topics = {subscription["topic"] for subscription in state["subscriptions"]}
    if not state["is_installed"] or "orders/create" not in {topic.lower() for topic in topics}:
        raise DidNotHappenError(f"after the grant the shop knows the topics {sorted(topics)}")
    return f"granted, landed on {urlsplit(landed).path}; {len(topics)} webhook topics"


def import_history(show: Show) -> str:
    """Its history is imported"""
    state, started = show.stage.store("/demo/state"), time.monotonic()
    wanted = state["counts"]
    imported: dict[str, int] = {}

    def is_imported() -> bool:
        seen = show.progress("import")
        if seen.get("state") == "failed":
            raise DidNotHappenError(f"the import failed: {seen.get('error')}")
        imported.update(seen.get("totals", {}))
        return seen.get("state") == "done"

    show.stage.troupe.wait_until("the import", is_imported, IMPORT_SECONDS)
    seconds = time.monotonic() - started
    home = show.merchant.page("/admin/")
    if "The import failed" in home or imported != wanted:
        raise DidNotHappenError(f"the shop has {wanted}, of which came in {imported}")
    rate = wanted["orders"] / max(seconds, 0.01)
    return (
        f"{wanted['products']:,} products, {wanted['customers']:,} customers, {wanted['orders']:,} orders"
        f" in {seconds:.1f} s ({rate:,.0f} orders/s){_left_out(state['rejects'])}"
    )


def _left_out(rejects: list[tuple[int, str]]) -> str:
    """The lines of an order file that could not be read, the first few by number and reason."""
    if not rejects:
        return ""
    named = "; ".join(f"line {line}: {reason}" for line, reason in rejects[:3])
    return f"; {len(rejects)} lines of the file could not be read ({named}{' …' if len(rejects) > 3 else ''})"


def learn(show: Show) -> str:
    """A model is trained and published"""
    started, trained = time.monotonic(), {}

    def is_trained() -> bool:
        seen = show.progress("training")
        if seen.get("state") == "failed":
            raise DidNotHappenError(f"the training failed: {seen.get('error')}")
        trained.update(seen)
        return seen.get("state") == "done"

    show.stage.troupe.wait_until("the training", is_trained, IMPORT_SECONDS)
    if not trained.get("n_lists"):
        raise DidNotHappenError("no list was published; the model's card in the admin says why")
    return f"{trained['n_lists']:,} lists under model {trained.get('model_id')} in {time.monotonic() - started:.1f} s"


def switch_on(show: Show) -> str:
    """The merchant switches it on"""
    show.merchant.place_blocks()
    fields = show.merchant.settings()
    fields |= {"postal_address": "1 Demo Street, 1010 Nicosia, Cyprus"}
    fields |= {"flow_abandoned_cart": "on", "flow_win_back": "on"}
    show.merchant.submit("/admin/settings", fields)
    kept = show.merchant.settings()
    if "flow_abandoned_cart" not in kept or "flow_win_back" not in kept:
        raise DidNotHappenError("the settings page does not show both flows as switched on")
    return "address saved, both flows on, shelf placed in the theme"


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
    page = browser().get(stage.store_url, timeout=TIMEOUT).text
    found = re.search(r'<regulars-shelf[^>]*\bshop="([^"]+)"', page)
    if found is None:
        raise DidNotHappenError("the storefront's home page has no <regulars-shelf> element")
    return found.group(1)


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
    for patience in ("--virtual-time-budget=15000", "--timeout=6000") * 3:
        states = _shelf_states(executable, patience, page)
        if "ready" in states:
            return f"the shelf on {show.product['url']} is filled in Chromium"
    raise DidNotHappenError(f"in Chromium the shelf of {show.product['url']} is {states or 'not there'}")


def _shelf_states(executable: str, patience: str, page: str) -> list[str]:
    """How far each shelf of a page has come when Chromium writes the page down."""
    with tempfile.TemporaryDirectory() as profile:
        command = [
            executable, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync",
            "--disable-background-networking", "--disable-component-update", "--disable-quic",
            f"--user-data-dir={profile}", "--window-size=1280,6000", patience, "--dump-dom", page,
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)  # noqa: S603
    return re.findall(r'<regulars-shelf[^>]*\bstate="(\w+)"', done.stdout)


def leave_carts(show: Show) -> str:
    """Shoppers leave their carts"""
    show.shoppers = [
        Shopper(show.stage, f"shopper{n}@regulars-demo.example") for n in range(1, N_SHOPPERS + 1)
    ]
    for shopper in show.shoppers:
        shopper.subscribe()
        shopper.leave_cart(show.bought_with)
    show.buyer = show.shoppers[-1]
    show.buyer.buy()
    return f"{N_SHOPPERS} shoppers fill carts and type their address; one of them buys after all"


def receive_cart_mails(show: Show) -> str:
    """One mail brings them back"""
    waiting = show.shoppers[:-1]
    show.stage.troupe.wait_until(
        "the mail about the cart",
        lambda: sum(bool(shopper.mails()) for shopper in waiting) + _n_held_out(show) >= len(waiting),
        MAIL_SECONDS,
    )
    mailed = [shopper for shopper in waiting if shopper.mails()]
    if not mailed:
        raise DidNotHappenError("none of the shoppers who left a cart got a mail")
    for shopper in mailed:
        if len(shopper.mails()) != 1:
            raise DidNotHappenError(f"{len(shopper.mails())} mails came about one cart")
    show.returned = mailed[0]
    n_held = len(waiting) - len(mailed)
    about_holdout = f", {n_held} left alone for the holdout" if n_held else ""
    return f"{len(mailed)} of {len(waiting)} got one mail each{about_holdout}"


def _n_held_out(show: Show) -> int:
    """How many of our shoppers the ledger says were left alone to compare with; it masks who they are."""
    page = show.merchant.page("/admin/messages", state="skipped", flow="abandoned_cart")
    name, _, domain = show.shoppers[0].email.partition("@")
    masked = re.compile(rf"{re.escape(name[0])}[^<@]*@{re.escape(domain)}")
    rows = re.findall(r"<tr\b.*?</tr>|<li\b.*?</li>", page, re.DOTALL)
    return sum(bool(masked.search(row)) and "Left alone on purpose" in row for row in rows)


def read_mail(show: Show) -> str:
    """The mail is in order"""
    mail = _returned(show).mails()[0]
    unsubscribe = header(mail, "List-Unsubscribe")
    if not re.match(r"<https?://[^>]+>", unsubscribe) or "=?" in unsubscribe:
        raise DidNotHappenError(f"List-Unsubscribe is {unsubscribe[:80]!r}")
    if header(mail, "List-Unsubscribe-Post") != "List-Unsubscribe=One-Click":
        raise DidNotHappenError("List-Unsubscribe-Post is missing")
    for part in ("html", "text"):
        if show.product["title"] not in mail[part].replace("&amp;", "&").replace("&#39;", "'").replace(
            "&#x27;", "'"
        ):
            raise DidNotHappenError(f"the {part} part does not name {show.product['title']}")
    n_pictures = len(re.findall(r"<img\b", mail["html"]))
    return f"“{mail['subject']}”: HTML with {n_pictures} pictures, a text part, one-click unsubscribe"


def come_back(show: Show) -> str:
    """The button works on another device, and the cart is bought"""
    shopper, mail = _returned(show), _returned(show).mails()[0]
    shopper.session = browser()
    page = shopper.follow(_link(show, mail, "/r/"))
    if "/checkouts/" not in page.url and "/cart" not in page.url:
        raise DidNotHappenError(f"the mail's button led to {page.url} ({page.status_code})")
    if show.product["title"] not in page.text.replace("&amp;", "&").replace("&#39;", "'"):
        raise DidNotHappenError("the page behind the mail's button does not show the cart's product")
    if not shopper.checkout_url:
        shopper.begin_checkout()
    shopper.buy()
    show.stage.troupe.wait_until(
        "the order's credit to the mail",
        lambda: "recovered" in _message_page(show, shopper).lower(),
        MAIL_SECONDS,
    )
    return "the cart is there in a fresh browser; the order is credited to the mail"


def _message_page(show: Show, shopper: Shopper) -> str:
    """Home's text, where recovered carts are counted."""
    del shopper
    home = re.sub(r"<[^>]+>", " ", show.merchant.page("/admin/"))
    found = re.search(r"Recovered carts\D{0,80}?([1-9]\d*)", re.sub(r"\s+", " ", home))
    return "recovered" if found else ""


def stay_silent(show: Show) -> str:
    """Who bought is not reminded"""
    buyer = show.buyer
    if buyer is None or buyer.mails():
        raise DidNotHappenError("the shopper who bought got a reminder all the same")
    return "no mail to the shopper who bought before the hour was over"


def unsubscribe(show: Show) -> str:
    """One click unsubscribes, and it holds"""
    shopper, mail = _returned(show), _returned(show).mails()[0]
    link = re.match(r"<([^>]+)>", header(mail, "List-Unsubscribe"))
    target = link.group(1) if link else ""
    if requests.get(target, timeout=TIMEOUT).status_code != 200:
        raise DidNotHappenError("opening the unsubscribe link does not show a page")
    answer = requests.post(target, data={"List-Unsubscribe": "One-Click"}, timeout=TIMEOUT)
    if answer.status_code != 200:
        raise DidNotHappenError(f"the one-click unsubscribe answered {answer.status_code}")
    shopper.session = browser()
    shopper.leave_cart(show.bought_with)
    show.stage.troupe.wait_until(
        "the ledger's word about the second cart",
        lambda: _n_unsubscribed(show) >= 1,
        MAIL_SECONDS,
    )
    if len(shopper.mails()) != 1:
        raise DidNotHappenError("a mail came after the one-click unsubscribe")
    return "a second cart of theirs stays without a mail; the ledger says they unsubscribed"


def _n_unsubscribed(show: Show) -> int:
    page = show.merchant.page("/admin/messages", state="skipped")
    return len(re.findall(r"unsubscribed", page, re.IGNORECASE))


def win_back(show: Show) -> str:
    """A lapsed customer is written to"""
    ours = {shopper.email for shopper in show.shoppers}

    def others() -> list[dict[str, Any]]:
        return [mail for mail in inbox(show.stage) if not ours & set(mail["to"])]

    if show.stage.options.orders is not None and not _has_lapsed(show):
        return "nobody in this history has just stayed away for longer than is their habit"
    show.stage.troupe.wait_until("a mail to a lapsed customer", lambda: bool(others()), MAIL_SECONDS)
    recipients = [to for mail in others() for to in mail["to"]]
    if len(recipients) != len(set(recipients)):
        raise DidNotHappenError("somebody was written to twice")
    return f"“{others()[0]['subject']}” to {len(recipients)} of them, nobody twice"


def _has_lapsed(show: Show) -> bool:
    """Whether the ledger knows of anybody to win back, after the time in which planning has come round."""
    pause(5)
    page = show.merchant.page("/admin/messages", flow="win_back")
    return "@" in re.sub(r"<[^>]+>", " ", page)


def refuse_forgeries(show: Show) -> str:
    """Forged and oversized webhooks are refused"""
    url = f"{show.stage.app_url}/webhooks/shopify"
    headers = {
        "X-Shopify-Topic": "orders/create",
        "X-Shopify-Shop-Domain": show.stage.store("/demo/state")["shop"],
    }
    unsigned = requests.post(url, data=b"{}", headers=headers, timeout=TIMEOUT).status_code
    forged = requests.post(
        url, data=b"{}", headers={**headers, "X-Shopify-Hmac-Sha256": quote("x" * 44)}, timeout=TIMEOUT
    ).status_code
    large = requests.post(url, data=b"x" * 6_000_000, headers=headers, timeout=TIMEOUT).status_code
    if (unsigned, forged, large) != (401, 401, 413):
        raise DidNotHappenError(f"unsigned, forged and oversized were answered {unsigned}, {forged}, {large}")
    return "unsigned 401, forged 401, 6 MB 413"


def lose_nothing(show: Show) -> str:
    """What the shop sent has been carried out"""

    def is_quiet() -> bool:
        return int(show.stage.store("/demo/state")["deliveries"].get("waiting", 0)) == 0

    show.stage.troupe.wait_until("the end of the deliveries", is_quiet, MAIL_SECONDS)
    counts = show.stage.store("/demo/state")["deliveries"]
    activity = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", show.merchant.page("/admin/activity")))
    dead = re.search(r"(\d+) dead", activity)
    if dead and int(dead.group(1)):
        raise DidNotHappenError(f"{dead.group(1)} deliveries are dead")
    return "; ".join(f"{value} {name}" for name, value in counts.items() if isinstance(value, int) and value)


def leave_and_return(show: Show) -> str:
    """Uninstalled, the shelf goes dark; installed again, it is back"""
    show.merchant.uninstall()
    show.stage.troupe.wait_until(
        "the dark shelf",
        lambda: not shelf(show.stage, show.key, show.product["id"], fresh="1")["products"],
        MAIL_SECONDS,
    )
    show.merchant.install_managed()
    show.stage.troupe.wait_until(
        "the shelf's return",
        lambda: bool(shelf(show.stage, show.key, show.product["id"], fresh="2")["products"]),
        MAIL_SECONDS,
    )
    n_exchanges = show.stage.store("/demo/state")["n_exchanges"]
    if not n_exchanges:
        raise DidNotHappenError("the second install did not go through token exchange")
    return "the second install went through token exchange; settings and lists were kept"


def _is_lit(show: Show) -> bool:
    return bool(shelf(show.stage, show.key, show.product["id"])["products"])


SCENES: tuple[Scene, ...] = (
    install,
    import_history,
    learn,
    switch_on,
    show_shelf,
    show_in_browser,
    leave_carts,
    receive_cart_mails,
    read_mail,
    come_back,
    stay_silent,
    unsubscribe,
    win_back,
    refuse_forgeries,
    lose_nothing,
    leave_and_return,
)

# Up to here the demo that stays open goes by itself; the rest is for its visitor to try.
OPENING: tuple[Scene, ...] = (
    install,
    import_history,
    learn,
    switch_on,
    show_shelf,
    leave_carts,
    receive_cart_mails,
)


def _returned(show: Show) -> Shopper:
    if show.returned is None:
        raise DidNotHappenError("nobody got a mail to come back with")
    return show.returned


def _link(show: Show, mail: dict[str, Any], path: str) -> str:
    for link in mail["links"]:
        if link.startswith(show.stage.app_url + path):
            return str(link)
    raise DidNotHappenError(f"the mail has no link to {path}")
