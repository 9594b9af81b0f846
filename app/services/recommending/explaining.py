"""Tells the merchant what stands beside a product and what speaks for it; reads only."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

from app.services.recommending.cards import ProductCard, card_of
from app.services.recommending.ranking import Ranking, is_shown
from app.services.shops import ShopRecord

# Places a merchant looks at before asking for all: two rows of a shelf of four.
N_FIRST = 8


@dataclass(frozen=True, slots=True)
class Reason:
    """One recommended product with what speaks for it; `place` counts from 1 in the list as it was learned."""

    place: int
    card: ProductCard
    score: float
    n_together: int
    n_baskets: int
    n_shared_words: int
    source: str
    is_shown: bool

    @property
    def in_words(self) -> str:
        """What a merchant can check: "14 of 52 baskets", shared words, or both."""
        parts = []
        if self.n_together:
            parts.append(f"together in {self.n_together} of {self.n_baskets} baskets")
        if self.n_shared_words:
            parts.append(f"{self.n_shared_words} words in common")
        return ", ".join(parts) or {"popular": "bought by many", "new": "new in the shop"}.get(
            self.source, "bought by the same customers"
        )


@dataclass(frozen=True, slots=True)
class Explained:
    """A product's list as the merchant sees it."""

    product: ProductCard
    model_id: int | None
    reasons: tuple[Reason, ...]

    @property
    def first(self) -> tuple[Reason, ...]:
        """The first N_FIRST that shoppers see."""
        return tuple(reason for reason in self.reasons if reason.is_shown)[:N_FIRST]

    @property
    def is_short(self) -> bool:
        """Whether shoppers see fewer than N_FIRST of the list."""
        return len(self.first) < N_FIRST

    @property
    def others(self) -> tuple[Reason, ...]:
        """All the rest: what comes after the first, and what is not for sale now."""
        first = self.first
        return tuple(reason for reason in self.reasons if reason not in first)


def explain(connection: Connection, shop: ShopRecord, platform_product_id: str) -> Explained | None:
    """A product's list with the evidence behind each place; None when the shop has no such product."""
    seed = (
        connection.execute(
            text("SELECT * FROM products WHERE shop_id = :shop_id AND platform_product_id = :id"),
            {"shop_id": shop.shop_id, "id": platform_product_id},
        )
        .mappings()
        .one_or_none()
    )
    if seed is None:
        return None
    ranking = Ranking(connection, shop.shop_id)
    stored = ranking.raw_list("also_bought", seed["product_id"])
    if stored is None:
        return Explained(card_of(shop, seed), ranking.model_id, ())
    products = ranking.products(stored["product_ids"])
    places = zip(stored["product_ids"], stored["scores"], stored["evidence"], strict=True)
    return Explained(
        card_of(shop, seed),
        ranking.model_id,
        tuple(
            Reason(
                place=place,
                card=card_of(shop, products[product_id]),
                score=score,
                n_together=evidence[0],
                n_baskets=evidence[1],
                n_shared_words=evidence[2],
                source=evidence[3],
                is_shown=is_shown(products[product_id]),
            )
            for place, (product_id, score, evidence) in enumerate(places, 1)
            if product_id in products
        ),
    )
