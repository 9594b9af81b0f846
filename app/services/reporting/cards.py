"""Reads a stored model card back: the sentences a merchant reads and when they were true."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """A model as its card describes it. `sentences` and `warnings` are the recommender's own words."""

    model_id: int
    state: str
    trained_at: datetime
    published_at: datetime | None = None
    sentences: tuple[str, ...] = ()
    numbers: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_published(self) -> bool:
        return self.state == "published"


def read_card(stored: Mapping[str, Any]) -> ModelCard:
    """Read a row of `models` as JSON; a card written by another version lacks sentences, never the page."""
    card = stored["card"] if isinstance(stored["card"], dict) else {}
    sentences = card.get("sentences")
    return ModelCard(
        model_id=stored["model_id"],
        state=stored["state"],
        trained_at=_moment(stored["trained_at"]),
        published_at=_moment(stored["published_at"]) if stored["published_at"] else None,
        sentences=tuple(str(line) for line in sentences) if isinstance(sentences, list) else (),
        numbers={key: value for key, value in card.items() if key != "sentences"},
    )


def _moment(value: str | datetime) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)
