"""Reads a stored model card back: the sentences a merchant reads and when they were true."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """A model as its card describes it, in the recommender's own sentences (`recommender.card.ModelCard`)."""

    model_id: int
    state: str
    trained_at: datetime
    published_at: datetime | None = None
    headline: str = ""
    reason: str = ""
    strengths: tuple[str, ...] = ()
    weaknesses: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    advice: tuple[str, ...] = ()
    numbers: Mapping[str, Any] = field(default_factory=dict)


def read_card(stored: Mapping[str, Any]) -> ModelCard:
    """Read a row of `models` as JSON; a card written by another version lacks sentences, never the page."""
    card = stored["card"] if isinstance(stored["card"], dict) else {}
    numbers = card.get("numbers")
    return ModelCard(
        model_id=stored["model_id"],
        state=stored["state"],
        trained_at=_moment(stored["trained_at"]),
        published_at=_moment(stored["published_at"]) if stored["published_at"] else None,
        headline=str(card.get("headline") or ""),
        reason=str(card.get("reason") or ""),
        strengths=_sentences(card.get("strengths")),
        weaknesses=_sentences(card.get("weaknesses")),
        data=_sentences(card.get("data")),
        advice=_sentences(card.get("advice")),
        numbers=numbers if isinstance(numbers, dict) else {},
    )


def _sentences(stored: object) -> tuple[str, ...]:
    return tuple(str(line) for line in stored) if isinstance(stored, list) else ()


def _moment(value: str | datetime) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)
