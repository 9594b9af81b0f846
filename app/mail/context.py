"""What a mail may say: the contract between the services that fill a mail and the templates that show it.

The same names are what merchants write in Liquid: `{{ person.first_name }}`, `{{ lines.first.title }}`,
`{{ total | money }}`. A field whose name ends in `url` only ever reaches a mail as http(s) (see `values`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from app.domain.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopView:
    """The shop as its mails show it. `address` is the postal address the law asks for, lines split by newlines.

    `accent_color` (`#rrggbb`) paints the button; None, or anything else, gives the house colour.
    """

    name: str
    url: str
    address: str
    logo_url: str | None = None
    locale: str = "en"
    accent_color: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonView:
    """The reader. Without a first name, or with one that is no name, the greeting is a general one."""

    first_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LineView:
    """A line of a cart or of an earlier order."""

    title: str
    quantity: int
    unit_price: Money
    line_total: Money
    url: str
    variant: str | None = None
    image_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecommendationView:
    """A product worth a look; without a price none is shown. One whose price varies is shown "from" its lowest."""

    title: str
    url: str
    price: Money | None = None
    price_varies: bool = False
    image_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferView:
    """A discount with a code of the reader's own, which works once. `last_day` is in the shop's time zone."""

    code: str
    percent: int
    last_day: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CartMail:
    """A cart that was left behind. `reason_text` says why the reader gets this; None takes our wording."""

    name: ClassVar[str] = "abandoned_cart"

    shop: ShopView
    person: PersonView
    lines: tuple[LineView, ...]
    total: Money
    resume_url: str
    unsubscribe_url: str
    preferences_url: str
    recommendations: tuple[RecommendationView, ...] = ()
    reason_text: str | None = None
    offer: OfferView | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WinBackMail:
    """A customer past their own rhythm. `lines` is what they bought last, `visit_url` leads into the shop."""

    name: ClassVar[str] = "win_back"

    shop: ShopView
    person: PersonView
    last_order_at: datetime
    lines: tuple[LineView, ...]
    visit_url: str
    unsubscribe_url: str
    preferences_url: str
    recommendations: tuple[RecommendationView, ...] = ()
    reason_text: str | None = None


MailContext = CartMail | WinBackMail
