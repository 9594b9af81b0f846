"""Shows a product as a mail and the merchant's pages do, and picks a few of them for a mail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping

from app.domain.money import Money
from app.services.recommending.ranking import Ranking
from app.services.shops import ShopRecord


@dataclass(frozen=True, slots=True)
class ProductCard:
    """A product in short. `price` is its lowest, and `price_varies` says that a variant costs more."""

    platform_product_id: str
    title: str
    url: str
    image_url: str | None
    price: Money | None
    price_varies: bool = False


def for_mail(
    connection: Connection,
    shop: ShopRecord,
    *,
    customer_id: int | None,
    cart_product_ids: Sequence[str] = (),
    n: int = 4,
) -> list[ProductCard]:
    """Products for a mail: by the cart where there is one, by the customer's own taste, else bestsellers."""
    ranking = Ranking(connection, shop.shop_id)
    if customer_id is None or cart_product_ids:
        rankings = ranking.beside(cart_product_ids)
    else:
        rankings = ranking.for_customer(customer_id)
    _, rows = ranking.fill(rankings, leave_out=cart_product_ids, n=n)
    return [card_of(shop, row) for row in rows]


def card_of(shop: ShopRecord, row: RowMapping) -> ProductCard:
    """The card of a row of `products`."""
    return ProductCard(
        platform_product_id=row["platform_product_id"],
        title=row["title"],
        url=shop.public_url.rstrip("/") + row["path"],
        image_url=row["image_url"],
        price=Money(row["price"], row["currency"]),
        price_varies=row["price_varies"],
    )
