"""A sample of each mail, for previews, for checking merchants' texts, and for golden files."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from app.domain.money import Money
from app.mail.context import (
    CartMail,
    LineView,
    MailContext,
    PersonView,
    RecommendationView,
    ShopView,
    WinBackMail,
)

# example.com is reserved for samples (RFC 2606): none of these addresses is anybody's.
_SHOP_URL: Final = "https://shop.example.com"
_LINKS_URL: Final = "https://regulars.example.com"

_SHOP: Final = ShopView(
    name="Larkspur & Co",
    url=_SHOP_URL,
    address="12 Mill Lane\nBristol BS1 4QA\nUnited Kingdom",
)
_LINES: Final = (
    LineView(
        title="Stoneware mug",
        variant="Moss green, 350 ml",
        quantity=2,
        unit_price=Money(1450, "EUR"),
        line_total=Money(2900, "EUR"),
        url=f"{_SHOP_URL}/products/stoneware-mug",
        image_url=f"{_SHOP_URL}/images/stoneware-mug.png",
    ),
    LineView(
        title="Loose-leaf Earl Grey",
        variant="100 g",
        quantity=1,
        unit_price=Money(890, "EUR"),
        line_total=Money(890, "EUR"),
        url=f"{_SHOP_URL}/products/earl-grey",
        image_url=f"{_SHOP_URL}/images/earl-grey.png",
    ),
    LineView(
        title="Beeswax candle",
        quantity=3,
        unit_price=Money(1200, "EUR"),
        line_total=Money(3600, "EUR"),
        url=f"{_SHOP_URL}/products/beeswax-candle",
    ),
)


def _recommendation(
    title: str, handle: str, minor_units: int, *, price_varies: bool = False
) -> RecommendationView:
    return RecommendationView(
        title=title,
        url=f"{_SHOP_URL}/products/{handle}",
        price=Money(minor_units, "EUR"),
        price_varies=price_varies,
        image_url=f"{_SHOP_URL}/images/{handle}.png",
    )


_RECOMMENDATIONS: Final = (
    _recommendation("Steel tea strainer", "tea-strainer", 650),
    _recommendation("Walnut serving tray", "walnut-tray", 3900),
    _recommendation("Linen tea towel", "linen-tea-towel", 1100, price_varies=True),
    _recommendation("Acacia honey", "acacia-honey", 780),
)


def sample_mail(name: str) -> MailContext:
    """Return the sample of the mail `name`."""
    if name == CartMail.name:
        return CartMail(
            shop=_SHOP,
            person=PersonView(first_name="Cleo"),
            lines=_LINES,
            total=Money(7390, "EUR"),
            resume_url=f"{_LINKS_URL}/r/sample",
            recommendations=_RECOMMENDATIONS,
            unsubscribe_url=f"{_LINKS_URL}/u/sample",
            preferences_url=f"{_LINKS_URL}/p/sample",
        )
    if name == WinBackMail.name:
        return WinBackMail(
            shop=_SHOP,
            person=PersonView(first_name="Cleo"),
            last_order_at=datetime(2026, 3, 5, 12, tzinfo=UTC),
            lines=_LINES[:2],
            visit_url=f"{_LINKS_URL}/c/sample",
            recommendations=_RECOMMENDATIONS,
            unsubscribe_url=f"{_LINKS_URL}/u/sample",
            preferences_url=f"{_LINKS_URL}/p/sample",
        )
    raise ValueError(f"there is no mail {name!r}; there are {CartMail.name} and {WinBackMail.name}")
