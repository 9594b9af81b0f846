"""Reads one shop's published lists and fills up where they are not enough; it must not know who is asking."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, RowMapping, text

# Product ids, best first, with the name of the strategy that chose them.
Ranked = tuple[str, Sequence[int]]

# Products a visitor looked at that take part in choosing, and how much each counts beside the one seen after it.
MAX_SEEN = 5
SEEN_FADING = 0.8


@dataclass(slots=True)
class Ranking:
    """The published model of one shop, as its lists tell it; without one, what came in last."""

    connection: Connection
    shop_id: int
    model_id: int | None = field(init=False)

    def __post_init__(self) -> None:
        self.model_id = self.connection.execute(
            text("SELECT model_id FROM models WHERE shop_id = :shop_id AND state = 'published'"),
            {"shop_id": self.shop_id},
        ).scalar()

    def raw_list(self, strategy: str, subject_id: int) -> RowMapping | None:
        """One published list as it is stored, with scores and evidence; None where there is none."""
        return (
            self.connection.execute(
                text(
                    "SELECT product_ids, scores, evidence FROM recommendations WHERE shop_id = :shop_id"
                    " AND model_id = :model_id AND strategy = :strategy AND subject_id = :subject_id"
                    " ORDER BY revision DESC LIMIT 1"
                ),
                {
                    "shop_id": self.shop_id,
                    "model_id": self.model_id,
                    "strategy": strategy,
                    "subject_id": subject_id,
                },
            )
            .mappings()
            .one_or_none()
        )

    def stored(self, strategy: str, subject_ids: Iterable[int], fading: float = 1.0) -> Ranked:
        """The published list of one or more subjects; several are added up, each scaled to its own best.

        Each counts `fading` times as much as the one before it.
        """
        weights = {subject_id: fading**n for n, subject_id in enumerate(subject_ids)}
        rows = self.connection.execute(
            text(
                "SELECT DISTINCT ON (subject_id) subject_id, product_ids, scores FROM recommendations"
                " WHERE shop_id = :shop_id AND model_id = :model_id AND strategy = :strategy"
                " AND subject_id = ANY(:subject_ids) ORDER BY subject_id, revision DESC"
            ),
            {
                "shop_id": self.shop_id,
                "model_id": self.model_id,
                "strategy": strategy,
                "subject_ids": list(weights),
            },
        ).all()
        totals: dict[int, float] = {}
        for row in rows:
            scale = weights[row.subject_id] / (max(row.scores, default=0.0) or 1.0)
            for position, (product_id, score) in enumerate(zip(row.product_ids, row.scores, strict=True)):
                # The rank breaks ties, so that a list on its own keeps its order exactly.
                totals[product_id] = totals.get(product_id, 0.0) + score * scale - position * 1e-9
        return strategy, sorted(totals, key=lambda product_id: -totals[product_id])

    def beside(self, platform_product_ids: Sequence[str]) -> Iterator[Ranked]:
        """What goes with these products, then the bestsellers of their categories, then the shop's.

        Each is read when it is asked for: where the first is enough, nothing else is.
        """
        yield from self._around(self._seeds(platform_product_ids))

    def after_seeing(self, platform_product_ids: Sequence[str]) -> Iterator[Ranked]:
        """What belongs to what a visitor looked at, newest first, and never these themselves; then as `beside`.

        For whoever is not known otherwise. What was looked at last says most about what is wanted now. Only the
        first MAX_SEEN count.
        """
        seeds = self._seeds(platform_product_ids[:MAX_SEEN])
        for strategy, product_ids in self._around(seeds, SEEN_FADING):
            yield strategy, [product_id for product_id in product_ids if product_id not in seeds]

    def _around(self, seeds: Mapping[int, str], fading: float = 1.0) -> Iterator[Ranked]:
        if seeds:
            yield self.stored("also_bought", seeds, fading)
        bestsellers = self.bestsellers()
        categories = set(seeds.values()) - {""}
        if categories:
            yield "category_bestsellers", self._of_categories(bestsellers[1], categories)
        yield bestsellers

    def for_customer(self, customer_id: int) -> Iterator[Ranked]:
        """What this customer may like and has not bought, then the shop's bestsellers."""
        yield self.stored("discover", [customer_id])
        yield self.bestsellers()

    def bestsellers(self) -> Ranked:
        """What the shop sells best; empty before anything has been learned."""
        return self.stored("bestsellers", [0])

    def newest(self, n: int) -> Ranked:
        """Before anything has been learned: what came in last."""
        rows = self.connection.execute(
            text(
                "SELECT product_id FROM products WHERE shop_id = :shop_id AND is_published AND is_available"
                " AND removed_at IS NULL AND NOT is_gift_card ORDER BY product_id DESC LIMIT :n"
            ),
            {"shop_id": self.shop_id, "n": n},
        )
        return "newest", [row.product_id for row in rows]

    def products(self, product_ids: Iterable[int]) -> Mapping[int, RowMapping]:
        """The products' rows by their id."""
        rows = self.connection.execute(
            text("SELECT * FROM products WHERE shop_id = :shop_id AND product_id = ANY(:ids)"),
            {"shop_id": self.shop_id, "ids": list(product_ids)},
        )
        return {row["product_id"]: row for row in rows.mappings()}

    def fill(
        self, rankings: Iterable[Ranked], *, leave_out: Sequence[str], n: int
    ) -> tuple[str, list[RowMapping]]:
        """The first n products that may be shown, each once, and the strategy that gave the first of them.

        What came in last stands behind all rankings, so a shelf stays short only where the shop is small.
        """
        taken: dict[int, RowMapping] = {}
        strategy = "newest"
        for name, product_ids in self._then_newest(rankings, n + len(leave_out)):
            fresh = self._showable([i for i in product_ids if i not in taken], leave_out)
            if fresh and not taken:
                strategy = name
            taken.update(fresh)
            if len(taken) >= n:
                break
        return strategy, list(taken.values())[:n]

    def _then_newest(self, rankings: Iterable[Ranked], n: int) -> Iterator[Ranked]:
        yield from rankings
        yield self.newest(n)

    def _showable(self, product_ids: Sequence[int], leave_out: Sequence[str]) -> dict[int, RowMapping]:
        products = self.products(product_ids) if product_ids else {}
        unwanted = set(leave_out)
        return {
            i: products[i]
            for i in product_ids
            if i in products and is_shown(products[i]) and products[i]["platform_product_id"] not in unwanted
        }

    def _seeds(self, platform_product_ids: Sequence[str]) -> dict[int, str]:
        """The category of each of these products, by our id, as they stand; those the shop has not are left out."""
        if not platform_product_ids:
            return {}
        rows = self.connection.execute(
            text(
                "SELECT platform_product_id, product_id, category FROM products"
                " WHERE shop_id = :shop_id AND platform_product_id = ANY(:ids)"
            ),
            {"shop_id": self.shop_id, "ids": list(platform_product_ids)},
        )
        found = {row.platform_product_id: row for row in rows}
        ordered = (found[i] for i in platform_product_ids if i in found)
        return {row.product_id: row.category for row in ordered}

    def _of_categories(self, product_ids: Sequence[int], categories: set[str]) -> list[int]:
        products = self.products(product_ids)
        return [i for i in product_ids if i in products and products[i]["category"] in categories]


def is_shown(row: RowMapping) -> bool:
    """Whether shoppers may see this product on a shelf or in a mail."""
    return bool(
        row["is_published"] and row["is_available"] and row["removed_at"] is None and not row["is_gift_card"]
    )
