"""Where a shop stands: what is set up, what is running, what has gone wrong; read in one statement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, text

from app.domain.flows import has_postal_address
from app.services.reporting.cards import ModelCard, read_card
from app.services.shops import ShopRecord

StepName = Literal["connected", "import", "model", "shelf", "sender", "abandoned_cart", "win_back"]
StepState = Literal["done", "running", "failed", "open"]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobReport:
    """The latest job of a kind. `share` is None while nobody knows how much there is."""

    kind: str
    state: str
    phase: str | None = None
    n_done: int = 0
    n_total: int | None = None
    error: str | None = None
    created_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None

    @property
    def is_unfinished(self) -> bool:
        return self.state in {"queued", "running"}

    @property
    def share(self) -> float | None:
        return min(1.0, self.n_done / self.n_total) if self.n_total else None


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the set-up checklist."""

    name: StepName
    state: StepState


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Everything the checklist and the list of troubles are made from."""

    jobs: Mapping[str, JobReport] = field(default_factory=dict)
    model: ModelCard | None = None
    refused_model: ModelCard | None = None
    active_flows: frozenset[str] = frozenset()
    is_shelf_seen: bool = False
    n_dead: int = 0

    @property
    def is_working(self) -> bool:
        return any(job.is_unfinished for job in self.jobs.values())


def standing(connection: Connection, shop_id: int) -> Standing:
    """Read where the shop stands."""
    row = connection.execute(_STANDING, {"shop_id": shop_id}).one()
    jobs = {found["kind"]: _job(found) for found in row.jobs or []}
    return Standing(
        jobs=jobs,
        model=read_card(row.published) if row.published else None,
        refused_model=read_card(row.latest) if row.latest and row.latest["state"] == "refused" else None,
        active_flows=frozenset(row.active_flows or ()),
        is_shelf_seen=row.is_shelf_seen,
        n_dead=row.n_dead,
    )


def checklist(shop: ShopRecord, found: Standing) -> tuple[Step, ...]:
    """What has to be done once, in the order in which it pays off."""
    return (
        Step("connected", "done" if shop.state == "connected" else "failed"),
        Step("import", _state_of(found.jobs.get("import"))),
        Step("model", "done" if found.model else _state_of(found.jobs.get("training"), done="open")),
        Step("shelf", "done" if found.is_shelf_seen else "open"),
        Step("sender", "done" if has_postal_address(shop.policy) else "open"),
        Step("abandoned_cart", "done" if "abandoned_cart" in found.active_flows else "open"),
        Step("win_back", "done" if "win_back" in found.active_flows else "open"),
    )


def _state_of(job: JobReport | None, done: StepState = "done") -> StepState:
    if job is None:
        return "open"
    if job.is_unfinished:
        return "running"
    return done if job.state == "done" else "failed"


def _job(found: dict[str, Any]) -> JobReport:
    progress = found["progress"] or {}
    n_total = progress.get("n_total")
    return JobReport(
        kind=found["kind"],
        state=found["state"],
        phase=progress.get("phase"),
        n_done=int(progress.get("n_done") or 0),
        n_total=int(n_total) if n_total else None,
        error=found["error"],
        **{name: _moment(found[name]) for name in ("created_at", "started_at", "finished_at")},
    )


def _moment(written: str | None) -> datetime | None:
    return datetime.fromisoformat(written) if written else None


_STANDING = text("""
    SELECT
      (SELECT jsonb_agg(x) FROM (
          SELECT DISTINCT ON (kind) kind, state, progress, error, created_at, started_at, finished_at
          FROM jobs WHERE shop_id = :shop_id ORDER BY kind, job_id DESC) x) AS jobs,
      (SELECT to_jsonb(x) FROM (
          SELECT model_id, state, card, trained_at, published_at FROM models
          WHERE shop_id = :shop_id AND state = 'published' ORDER BY model_id DESC LIMIT 1) x) AS published,
      (SELECT to_jsonb(x) FROM (
          SELECT model_id, state, card, trained_at, published_at FROM models
          WHERE shop_id = :shop_id ORDER BY model_id DESC LIMIT 1) x) AS latest,
      (SELECT array_agg(kind) FROM flows WHERE shop_id = :shop_id AND is_active) AS active_flows,
      EXISTS (SELECT 1 FROM visits WHERE shop_id = :shop_id AND list_id IS NOT NULL) AS is_shelf_seen,
      (SELECT count(*) FROM deliveries WHERE shop_id = :shop_id AND state = 'dead') AS n_dead""")
