"""Owns saying in a merchant's words what a model is good at and what it lacks; it must not measure."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from app.recommender.copurchase import baskets
from app.recommender.evaluation import TEST_SHARE
from app.recommender.gate import MIN_QUERIES
from app.recommender.judging import DISCOVER, FOR_YOU, OURS

if TYPE_CHECKING:
    from app.recommender.evaluation import Report
    from app.recommender.interactions import Catalogue, History
    from app.recommender.judging import Score

# Share of products that must have a text before it is called known.
MOST = 0.5
# Orders of several products from which a shop's own parameters can be chosen well (reference, 3.8).
ENOUGH_ORDERS = 1000


@dataclass(frozen=True)
class ModelCard:
    """What a merchant may know of their model.

    Attributes
    ----------
    headline : str
        One sentence.
    strengths, weaknesses, data, advice : tuple of str
        Sentences.
    is_publishable : bool
    reason : str
    numbers : dict
        The same as numbers: counts of the data, the parameters, every score.
    """

    headline: str
    strengths: tuple[str, ...]
    weaknesses: tuple[str, ...]
    data: tuple[str, ...]
    advice: tuple[str, ...]
    is_publishable: bool
    reason: str
    numbers: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """Return the card as plain values, ready for JSON."""
        return asdict(self)


def card(report: Report, catalogue: Catalogue, history: History) -> ModelCard:
    """Write the card of the model that a back-test judged.

    Parameters
    ----------
    report : Report
    catalogue, history
        The whole data, as the published model learns from it.
    """
    numbers = data_numbers(catalogue, history)
    ours, popular = report.score(OURS), report.score("popularity")
    return ModelCard(
        _headline(report, ours, popular, numbers),
        tuple(_strengths(report, ours)),
        tuple(_weaknesses(report, ours)),
        tuple(_data(numbers)),
        tuple(_advice(numbers, is_proven=report.is_proven)),
        report.is_publishable,
        report.reason,
        {
            **numbers,
            "scores": [asdict(score) for score in report.scores],
            "blend": asdict(report.blend),
            "taste": asdict(report.taste),
            "discovery": asdict(report.discovery),
            "against_simple": report.against,
            "against_simple_for_customers": report.against_customers,
        },
    )


def data_numbers(catalogue: Catalogue, history: History) -> dict[str, Any]:
    """Count what there is to learn from."""
    held = baskets(history, catalogue.n_items)
    sizes = np.diff(held.indptr)
    n_orders = np.bincount(held.indices, minlength=catalogue.n_items)
    bought = history.purchases()
    return {
        "n_products": catalogue.n_items,
        "n_products_sold": int((n_orders > 0).sum()),
        "n_products_sold_rarely": int(((n_orders > 0) & (n_orders < 5)).sum()),
        "n_orders": len(sizes),
        "n_orders_of_several": int((sizes >= 2).sum()),
        "n_customers": history.n_users,
        "guest_share": _share(int((bought.user < 0).sum()), bought.n_rows),
        "undated_share": _share(int(np.isnan(bought.occurred_at).sum()), bought.n_rows),
        "title_share": _share(sum(bool(text.strip()) for text in catalogue.titles), catalogue.n_items),
        "category_share": _share(sum(bool(text.strip()) for text in catalogue.categories), catalogue.n_items),
    }


def orders_still_needed(numbers: dict[str, Any]) -> int:
    """How many more orders of two or more products until a back-test can prove something.

    An order of several products asks about two questions at least, and `TEST_SHARE` of the orders are asked.
    """
    needed = int(np.ceil(MIN_QUERIES / (2 * TEST_SHARE)))
    return max(0, needed - int(numbers["n_orders_of_several"]))


def _headline(report: Report, ours: Score | None, popular: Score | None, numbers: dict[str, Any]) -> str:
    if not numbers["n_orders"]:
        return "There are no orders yet: shelves show similar products by their words, and the newest ones."
    repeat = report.score(OURS, FOR_YOU)
    if ours is None and repeat is not None:
        n_right = _per_100(repeat.hr10)
        return f"{n_right} of 100 returning customers found something they then bought in their first ten."
    if ours is None or popular is None or not report.is_proven:
        n_more = orders_still_needed(numbers)
        wish = f"about {n_more:,} more are needed" if n_more else "newer orders hold too few known products"
        return (
            f"Too little to prove anything yet: {_count(numbers['n_orders_of_several'], 'order')} with two or "
            f"more products; {wish}."
        )
    return (
        f"Of 100 questions from your newest orders (“they bought this, what else?”), the first ten held a right "
        f"answer {_per_100(ours.hr10)} times; bestsellers alone would have held {_per_100(popular.hr10)}."
    )


def _strengths(report: Report, ours: Score | None) -> list[str]:
    if ours is None or not report.is_proven:
        return []
    found = [
        f"Of every 100 products you sell, {_per_100(ours.coverage10)} appear on some shelf, not only bestsellers."
    ]
    counted = report.score("co-purchase")
    if counted is not None and report.against:
        difference, low, high = report.against["hr10"]
        if low > 0:
            found.append(
                f"Better than simple counting beyond chance: {difference * 100:+.1f} of 100 questions "
                f"({low * 100:+.1f} to {high * 100:+.1f})."
            )
    repeat, fresh = report.score(OURS, FOR_YOU), report.score(OURS, DISCOVER)
    if repeat is not None:
        found.append(
            f"For you: {_per_100(repeat.hr10)} of 100 returning customers found something they then bought in "
            f"their first ten" + (f"; {_per_100(fresh.hr10)} something new to them." if fresh else ".")
        )
    return found


def _weaknesses(report: Report, ours: Score | None) -> list[str]:
    if ours is None or not report.is_proven:
        return []
    found = []
    if ours.cold_hr10 is not None and ours.n_cold and ours.cold_hr10 < ours.hr10:
        found.append(
            f"Products sold in fewer than five orders: right {_per_100(ours.cold_hr10)} times of 100, "
            f"against {_per_100(ours.hr10)} overall."
        )
    if ours.tail_hr10 is not None and ours.tail_hr10 < ours.hr10:
        found.append(f"Finding a companion that is no bestseller: {_per_100(ours.tail_hr10)} times of 100.")
    if not report.is_publishable:
        found.append(report.reason)
    return found


def _data(numbers: dict[str, Any]) -> list[str]:
    return [
        f"Learned from {_count(numbers['n_orders'], 'order')} ({numbers['n_orders_of_several']:,} with two or "
        f"more products) of {_count(numbers['n_customers'], 'known customer')}.",
        f"{numbers['n_products_sold']:,} of {_count(numbers['n_products'], 'product')} have sold, "
        f"{numbers['n_products_sold_rarely']:,} of them in fewer than five orders.",
    ]


def _advice(numbers: dict[str, Any], *, is_proven: bool) -> list[str]:
    if not numbers["n_products"]:
        return ["Add products to begin."]
    advice = []
    if numbers["title_share"] < MOST:
        advice.append(
            "Most products have no title: with titles, new and rare products get better companions."
        )
    if numbers["category_share"] < MOST:
        advice.append("Most products have no category or type: naming it helps products that sell rarely.")
    if not numbers["n_customers"]:
        advice.append(
            "All orders are from guests: personal shelves show what sells now until customers are known."
        )
    elif numbers["guest_share"] > MOST:
        advice.append("Most orders are from guests: customer accounts would make personal shelves personal.")
    if numbers["undated_share"] > 0:
        advice.append("Some orders have no date: they are taken as the oldest.")
    # Before anything is proven the headline says how many are missing: one number for one lack.
    if is_proven and numbers["n_orders_of_several"] < ENOUGH_ORDERS:
        n_more = ENOUGH_ORDERS - numbers["n_orders_of_several"]
        advice.append(
            f"{n_more:,} more orders with two or more products would make the lists clearly better."
        )
    return advice


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def _per_100(share: float) -> str:
    return f"{share * 100:.0f}"


def _share(n: int, n_all: int) -> float:
    return n / n_all if n_all else 0.0
