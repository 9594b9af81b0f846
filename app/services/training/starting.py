"""Decides whether a full pass goes on from the published model or begins anew; it must not learn anything."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import structlog
from sqlalchemy import Connection, text

from app import recommender
from app.services.training.evidence import Evidence, Ids, Index

log = structlog.get_logger()

# So often a pass begins anew and chooses the parameters again; between, it goes on, so that lists change little.
FROM_SCRATCH = timedelta(days=7)

# It begins anew as well when more than this share of rows or products is unknown to the published model.
UNKNOWN_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class Live:
    """The published model as the next pass sees it: its parameters, and where it can be gone on from, itself."""

    blend: recommender.Blend
    from_scratch_at: datetime | None
    start: recommender.Start | None


def read_live(connection: Connection, shop_id: int, evidence: Evidence, now: datetime) -> Live | None:
    """Read the published model; None when there is none."""
    row = connection.execute(_LIVE, {"shop_id": shop_id}).one_or_none()
    if row is None or not row.blend:
        return None
    start = None
    if row.artifact is not None and row.subjects is not None and _is_young(row.from_scratch_at, now):
        start = _start(bytes(row.artifact), Index.unpack(bytes(row.subjects)), evidence)
    return Live(recommender.Blend(**row.blend), row.from_scratch_at, start)


def _is_young(from_scratch_at: datetime | None, now: datetime) -> bool:
    return from_scratch_at is not None and now - from_scratch_at < FROM_SCRATCH


def _start(artifact: bytes, known: Index, evidence: Evidence) -> recommender.Start | None:
    try:
        model = recommender.from_npz(artifact)
    except recommender.ArtifactError as error:
        log.warning("artifact_unreadable", reason=str(error))
        return None
    items = _places(known.product_ids, evidence.index.product_ids)
    n_rows = evidence.history.n_rows
    is_grown = n_rows - model.history.n_rows > UNKNOWN_SHARE * n_rows
    if is_grown or np.mean(items < 0) > UNKNOWN_SHARE:
        return None
    return recommender.Start(model, items, _places(known.customer_ids, evidence.index.customer_ids))


def _places(known: Ids, ids: Ids) -> Ids:
    """Where each id stands among the known ones, -1 for one that does not."""
    ranked = np.argsort(known, kind="stable")
    place = np.minimum(np.searchsorted(known, ids, sorter=ranked), max(len(known) - 1, 0))
    if not len(known):
        return np.full(len(ids), -1)
    return np.where(known[ranked[place]] == ids, ranked[place], -1)


_LIVE = text("""
    SELECT from_scratch_at, artifact, subjects, card -> 'numbers' -> 'blend' AS blend
    FROM models WHERE shop_id = :shop_id AND state = 'published'""")
