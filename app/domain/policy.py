"""What a merchant may choose for their shop, with the defaults that keep a shop out of trouble."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import time

# Reference defaults: reliability.md §3 (caps, quiet hours) and the product's promise of a holdout by default.


@dataclass(frozen=True, slots=True, kw_only=True)
class MailPolicy:
    """How often and when a person may be mailed by this shop."""

    max_per_day: int = 1
    max_per_week: int = 3
    quiet_from: time = time(21, 0)
    quiet_until: time = time(8, 0)
    # Share of people who are left alone on purpose, so that what the mails earn can be measured.
    holdout_share: float = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class CartFlowPolicy:
    """An abandoned cart is a cart idle this long, with an address and no order."""

    wait_minutes: int = 60
    # A cart older than this is no longer worth a reminder, whatever delayed it.
    give_up_after_hours: int = 72
    # Also use an address that was typed at the checkout before anything was submitted (WooCommerce's drafts).
    takes_typed_addresses: bool = False
    # What else in the shop could mail about carts and doesn't, by the merchant's word.
    senders_off: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferPolicy:
    """What a cart reminder offers, if anything: so much off, by a code of its own that works once."""

    is_on: bool = False
    percent: int = 10
    # Full days after the day of the mail.
    valid_days: int = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class WinBackPolicy:
    """A customer has lapsed when silent for `factor` times their own rhythm, within these bounds."""

    factor: float = 2.0
    min_days: int = 30
    # For customers with too few orders for a rhythm of their own.
    default_days: int = 120
    # Only those who lapsed within this many days are written to: switching the flow on is no mass mailing.
    window_days: int = 14
    max_per_day: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ShelfPolicy:
    """What the shelves say and how they lean; `leaning` runs from -1 (specific) to 1 (popular)."""

    heading: str = ""
    leaning: float = 0.0
    is_shown: bool = True
    # Also write the lists into the shop, for themes that show such lists by themselves.
    is_in_theme: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderPolicy:
    """Who the mail is from. A flow can't be switched on without a postal address."""

    name: str = ""
    email: str = ""
    reply_to: str = ""
    postal_address: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopPolicy:
    """Everything the merchant chose, complete."""

    mail: MailPolicy = MailPolicy()
    cart: CartFlowPolicy = CartFlowPolicy()
    offer: OfferPolicy = OfferPolicy()
    win_back: WinBackPolicy = WinBackPolicy()
    shelf: ShelfPolicy = ShelfPolicy()
    sender: SenderPolicy = SenderPolicy()
    # Have the shop's storefront tell what visitors who agreed look at, put into the cart and buy.
    counts_visits: bool = False
    # The set-up checklist on Home, once everything on it is done.
    is_checklist_dismissed: bool = False


def heard_beside(found: Iterable[str], cart: CartFlowPolicy) -> tuple[str, ...]:
    """Which of the other senders found in a shop mail about its carts, as far as anybody knows.

    What a later look finds was not in the merchant's word yet, and counts.
    """
    return tuple(name for name in found if name not in cart.senders_off)
