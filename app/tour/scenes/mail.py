"""The scenes of the mail: who gets one, who does not, and what its links do."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import requests

from app.tour.people import TIMEOUT, DidNotHappenError, Shopper, browser, header, inbox
from app.tour.scenes.show import Show

# In a real history nobody may have lapsed just now; planning comes round every second or so.
LAPSE_SECONDS = 60.0


def receive_cart_mails(show: Show) -> str:
    """One mail brings them back"""
    waiting = show.shoppers[:-1]
    show.stage.troupe.wait_until(
        "the mail about the cart",
        lambda: sum(bool(shopper.mails()) for shopper in waiting) + _n_held_out(show) >= len(waiting),
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
    if buyer is None or [mail for mail in buyer.mails() if _moment(mail) > _bought_at(show, buyer)]:
        raise DidNotHappenError("the shopper who bought got a reminder all the same")
    return "no mail to the shopper who bought before the hour was over"


def _moment(mail: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(mail["received_at"])


def _bought_at(show: Show, buyer: Shopper) -> datetime:
    """When the shop took the order: an hour passes quickly here, and what came before was no mistake."""
    token = buyer.checkout_url.rpartition("/")[2]
    for checkout in show.stage.store("/demo/state")["checkouts"]:
        if checkout["token"] == token and checkout["completed_at"]:
            return datetime.fromisoformat(checkout["completed_at"])
    raise DidNotHappenError("the shop has no order of the shopper who bought")


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
    show.stage.troupe.wait_until("a mail to a lapsed customer", lambda: bool(others()))
    recipients = [to for mail in others() for to in mail["to"]]
    if len(recipients) != len(set(recipients)):
        raise DidNotHappenError("somebody was written to twice")
    return f"“{others()[0]['subject']}” to {len(recipients)} of them, nobody twice"


def _has_lapsed(show: Show) -> bool:
    """Whether the ledger comes to know of anybody to win back."""

    def is_planned() -> bool:
        page = show.merchant.page("/admin/messages", flow="win_back")
        return "@" in re.sub(r"<[^>]+>", " ", page)

    try:
        show.stage.troupe.wait_until("a planned mail to a lapsed customer", is_planned, LAPSE_SECONDS)
    except TimeoutError:
        return False
    return True


def _returned(show: Show) -> Shopper:
    if show.returned is None:
        raise DidNotHappenError("nobody got a mail to come back with")
    return show.returned


def _link(show: Show, mail: dict[str, Any], path: str) -> str:
    for link in mail["links"]:
        if link.startswith(show.stage.app_url + path):
            return str(link)
    raise DidNotHappenError(f"the mail has no link to {path}")
