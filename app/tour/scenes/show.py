"""What the scenes know of each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from app.tour.people import Merchant, Shopper
from app.tour.stage import Stage


@dataclass(slots=True)
class Show:
    """The stage, who acts on it, and what earlier scenes left for later ones."""

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
