"""Answers with published lists: shelves for shoppers, a few products for a mail, evidence for the merchant."""

from app.services.recommending.cards import ProductCard, for_mail
from app.services.recommending.explaining import Explained, Reason, explain
from app.services.recommending.memory import forget_shelves, get_shelf, make_shelf, recall_shelf
from app.services.recommending.ranking import MAX_SEEN, Ranking
from app.services.recommending.shelves import (
    MAX_SEEDS,
    MAX_SHOWN,
    N_SPARE,
    PLACEMENTS,
    Placement,
    Shelf,
    ShelfRequest,
)

__all__ = [
    "MAX_SEEDS",
    "MAX_SEEN",
    "MAX_SHOWN",
    "N_SPARE",
    "PLACEMENTS",
    "Explained",
    "Placement",
    "ProductCard",
    "Ranking",
    "Reason",
    "Shelf",
    "ShelfRequest",
    "explain",
    "for_mail",
    "forget_shelves",
    "get_shelf",
    "make_shelf",
    "recall_shelf",
]
