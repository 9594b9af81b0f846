"""Carries the published lists over into the shop, for themes that show such lists by themselves, and back out of it.

What was there stays: a list is written only where there is none, or ours. Before each call the book says what is
about to be written, so that whoever goes on after a crash knows ours from somebody else's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import Connection, RowMapping, text

from app.domain.themelists import (
    MAX_PRODUCTS,
    SOURCES,
    LastTime,
    ListKind,
    Published,
    Step,
    Written,
    is_due,
    step_for,
)
from app.platforms.base import PlatformError
from app.platforms.extras import ThemeListChange, ThemeListRef, ThemeLists, ThemeListState
from app.services.context import Context
from app.services.importing import batches
from app.services.jobs import RunningJob, enqueue_job, lease
from app.services.permissions import extras_client
from app.services.shops import get_shop, save_policy

log = structlog.get_logger()

JOB = "theme_lists"

# Products looked up in our own tables at once.
_PAGE = 200


class SwitchedError(Exception):
    """The merchant has switched it on or off meanwhile; the next job does what is wanted now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How it stands, for the merchant: lists of ours in the shop, and those left as somebody else chose them."""

    n_ours: int
    n_theirs: int
    is_working: bool
    error: str | None


@dataclass(frozen=True, slots=True)
class _Wish:
    """What a list should say (nothing: ours is to go), beside what the book says of it."""

    ref: ThemeListRef
    product_ids: tuple[str, ...]
    written: Written | None
    before: str | None


def plan(context: Context, shop_id: int) -> bool:
    """Ask for a carrying over, or a taking away, when one is due; returns whether one was asked for."""
    now = context.clock.now()
    with context.db.shop(shop_id) as connection:
        shop = get_shop(connection, shop_id)
        is_on = shop.policy.shelf.is_in_theme
        published = _published(connection, shop_id)
        if shop.state == "leaving" or (is_on and published is None):
            return False
        if not is_on and not connection.execute(_HAS_ROWS, {"shop_id": shop_id}).scalar():
            return False
        row = connection.execute(_LAST_JOB, {"shop_id": shop_id, "kind": JOB}).mappings().one_or_none()
        if row is not None and row["state"] in ("queued", "running"):
            return False
        last = _last_time(row["progress"], row["state"] == "failed", row["finished_at"]) if row else None
        if not is_due(published if is_on else None, last, now):
            return False
        connection.execute(_DROP_JOBS, {"shop_id": shop_id, "kind": JOB})
        enqueue_job(connection, shop_id, JOB, now)
    return True


def ask_again(connection: Connection, shop_id: int) -> None:
    """Forget that the last try failed: the merchant has put right what was wrong."""
    connection.execute(_DROP_FAILED, {"shop_id": shop_id, "kind": JOB})


def take_away(context: Context, shop_id: int) -> None:
    """Put every list of ours back now, and leave it at that: the shop is being left.

    Raises:
        PlatformError: the shop did not answer, or another worker is at its lists; what is left stays in the book.
    """
    now = context.clock.now()
    with context.db.shop(shop_id) as connection:
        job_id = connection.execute(_OPEN_JOB, {"shop_id": shop_id, "kind": JOB}).scalar()
        if job_id is None:
            if not connection.execute(_HAS_ROWS, {"shop_id": shop_id}).scalar():
                return
            enqueue_job(connection, shop_id, JOB, now)
            job_id = connection.execute(_OPEN_JOB, {"shop_id": shop_id, "kind": JOB}).scalar_one()
        policy = get_shop(connection, shop_id).policy
        save_policy(connection, shop_id, replace(policy, shelf=replace(policy.shelf, is_in_theme=False)))
    with lease(context, shop_id, job_id) as job:
        if job is not None:
            run(context, job)
    with context.db.shop(shop_id) as connection:
        if connection.execute(_HAS_ROWS, {"shop_id": shop_id}).scalar():
            raise PlatformError("the lists in its theme are still being worked on", retry_after_seconds=10.0)


def run(context: Context, job: RunningJob) -> None:
    """Write what differs, or take everything of ours away, as the merchant's switch says.

    Batch by batch: read what the shop holds; decide and note what is about to be written, which commits; make
    the changes; note what became of them, which commits too. A worker that is killed anywhere in between is
    followed by one that goes on from the last batch.

    Raises:
        PlatformError: the shop did not answer, or lacks the permission.
        LeaseLostError: another worker has taken over.
    """
    lists = extras_client(context, job.shop_id).theme_lists
    with context.db.shop(job.shop_id) as connection:
        is_on = get_shop(connection, job.shop_id).policy.shelf.is_in_theme
        published = _published(connection, job.shop_id)
        if job.progress.get("is_on") != is_on:
            number, revision = (published.model_id, published.revision) if published else (0, 0)
            job.progress.clear()
            job.save(connection, is_on=is_on, model_id=number, revision=revision, after=0, n_changed=0)
        if not is_on:
            connection.execute(_FORGET_OTHERS, {"shop_id": job.shop_id})
    if is_on:
        lists.prepare()
    try:
        for after, wishes in _pages(context, job, is_on):
            for batch in batches(wishes, lists.batch_size):
                _Batch(context, job, lists, is_on).carry(batch)
            job.report(after=after)
    except SwitchedError:
        return
    log.info("theme_lists_carried", shop_id=job.shop_id, is_on=is_on, n_changed=job.progress["n_changed"])


def standing(connection: Connection, shop_id: int) -> Standing:
    row = connection.execute(_STANDING, {"shop_id": shop_id, "kind": JOB}).mappings().one()
    return Standing(**row)


@dataclass(slots=True)
class _Batch:
    """One batch on its way into the shop."""

    context: Context
    job: RunningJob
    lists: ThemeLists
    is_on: bool

    def carry(self, batch: Sequence[_Wish]) -> None:
        found = self.lists.read(list(dict.fromkeys(wish.ref.platform_product_id for wish in batch)))
        changes = self._note_intentions(batch, found)
        refused = self.lists.write(changes) if changes else {}
        for ref, reason in refused.items():
            log.info(
                "theme_list_refused",
                shop_id=self.job.shop_id,
                product=ref.platform_product_id,
                kind=ref.kind.value,
                reason=reason,
            )
        self._note_outcomes(changes, refused)

    def _note_intentions(
        self, batch: Sequence[_Wish], found: Mapping[ThemeListRef, ThemeListState]
    ) -> list[ThemeListChange]:
        changes = []
        with self.context.db.shop(self.job.shop_id) as connection:
            shop = get_shop(connection, self.job.shop_id)
            if shop.policy.shelf.is_in_theme != self.is_on:
                raise SwitchedError
            now = self.context.clock.now()
            for wish in batch:
                state = found.get(wish.ref)
                if state is None:  # the product is gone, and its lists with it
                    self._run(connection, _DROP, wish.ref)
                elif (change := self._note(connection, wish, state, now)) is not None:
                    changes.append(change)
            self.job.save(connection)
        return changes

    def _note(
        self, connection: Connection, wish: _Wish, state: ThemeListState, now: datetime
    ) -> ThemeListChange | None:
        step = step_for(wish.product_ids, state.found, wish.written)
        # What is written over or put back is ours, or empty: the book has to know it when this call fails as well.
        held = list(state.found.product_ids or ())
        if step is Step.WRITE:
            values = {"held": held, "wanted": list(wish.product_ids), "raw": state.raw, "now": now}
            self._run(connection, _INTEND, wish.ref, **values)
            return ThemeListChange(wish.ref, wish.product_ids, state.mark)
        if step is Step.RESTORE:
            # Only an empty list was ever written over, so what was there is one, or none.
            before = None if wish.before is None else ()
            self._run(connection, _INTEND, wish.ref, held=held, wanted=[], raw=None, now=now)
            return ThemeListChange(wish.ref, before, state.mark)
        if step is Step.KEEP and wish.written is not None:
            self._run(connection, _SETTLE, wish.ref, wanted=list(wish.product_ids))
        elif step is Step.TAKEN and not self.is_on:
            self._run(connection, _DROP, wish.ref)
        elif step in (Step.TAKEN, Step.THEIRS):
            self._run(connection, _LEAVE, wish.ref, state=step.value, now=now)
        return None

    def _note_outcomes(self, changes: Sequence[ThemeListChange], refused: Mapping[ThemeListRef, str]) -> None:
        with self.context.db.shop(self.job.shop_id) as connection:
            for change in changes:
                if change.ref in refused:
                    self._run(connection, _FORGET_NEW, change.ref)
                    self._run(connection, _RETRACT, change.ref)
                elif change.product_ids:
                    self._run(connection, _SETTLE, change.ref, wanted=list(change.product_ids))
                else:
                    self._run(connection, _DROP, change.ref)
            n_changed = self.job.progress["n_changed"] + len(changes) - len(refused)
            self.job.save(connection, n_changed=n_changed)

    def _run(self, connection: Connection, statement: Any, ref: ThemeListRef, **values: Any) -> None:
        key = {"shop_id": self.job.shop_id, "product": ref.platform_product_id, "kind": ref.kind.value}
        connection.execute(statement, key | values)


def _pages(context: Context, job: RunningJob, is_on: bool) -> Iterator[tuple[int, list[_Wish]]]:
    """Products in the order of our ids: the last one's id, and what of their lists may have to change."""
    after = int(job.progress["after"])
    kinds = [(kind.value, source) for kind, source in SOURCES.items()]
    while True:
        values = {
            "shop_id": job.shop_id,
            "after": after,
            "page": _PAGE,
            "most": MAX_PRODUCTS,
            "kinds": [kind for kind, _ in kinds],
            "sources": [source for _, source in kinds],
        }
        with context.db.shop(job.shop_id) as connection:
            rows = connection.execute(_PRODUCTS, values).mappings().all()
        if not rows:
            return
        after = int(rows[-1]["product_id"])
        wishes = [_wish(row, is_on) for row in rows]
        yield after, [wish for row, wish in zip(rows, wishes, strict=True) if _may_change(row, wish, is_on)]


def _wish(row: RowMapping, is_on: bool) -> _Wish:
    is_ours = row["state"] in ("ours", "taken")
    pending = tuple(row["pending"]) if row["pending"] is not None else None
    return _Wish(
        ref=ThemeListRef(row["platform_product_id"], ListKind(row["kind"])),
        product_ids=tuple(row["wanted"]) if is_on else (),
        written=Written(tuple(row["written"]), pending) if is_ours else None,
        before=row["before"],
    )


def _may_change(row: RowMapping, wish: _Wish, is_on: bool) -> bool:
    """Whether the shop has to be asked about a list at all."""
    if not is_on:
        return wish.written is not None
    if row["state"] == "ours":
        return wish.written != Written(wish.product_ids)
    return row["state"] != "taken" and bool(wish.product_ids)


def _published(connection: Connection, shop_id: int) -> Published | None:
    row = connection.execute(_PUBLISHED, {"shop_id": shop_id}).one_or_none()
    return Published(int(row.model_id), int(row.revision)) if row else None


def _last_time(progress: Mapping[str, Any], is_failed: bool, ended_at: datetime) -> LastTime:
    is_on = bool(progress.get("is_on"))
    published = Published(int(progress["model_id"]), int(progress["revision"])) if is_on else None
    return LastTime(published, is_failed, ended_at)


_PUBLISHED = text("SELECT model_id, revision FROM models WHERE shop_id = :shop_id AND state = 'published'")

_HAS_ROWS = text("SELECT EXISTS (SELECT 1 FROM theme_lists WHERE shop_id = :shop_id)")

_LAST_JOB = text("""
    SELECT state, progress, finished_at FROM jobs WHERE shop_id = :shop_id AND kind = :kind
    ORDER BY job_id DESC LIMIT 1""")

_OPEN_JOB = text(
    "SELECT job_id FROM jobs WHERE shop_id = :shop_id AND kind = :kind AND state IN ('queued', 'running')"
)

_DROP_JOBS = text(
    "DELETE FROM jobs WHERE shop_id = :shop_id AND kind = :kind AND state IN ('done', 'failed')"
)

_DROP_FAILED = text("DELETE FROM jobs WHERE shop_id = :shop_id AND kind = :kind AND state = 'failed'")

# Of every product with a list, or with one that we wrote: what it should say, and what the book says. A sold out
# product stays in the list: the theme leaves it out by itself for as long as it is.
_PRODUCTS = text("""
    SELECT p.product_id, p.platform_product_id, k.kind, t.state, t.written, t.pending, t.before,
           ARRAY(SELECT q.platform_product_id
                 FROM unnest(r.product_ids) WITH ORDINALITY AS listed (product_id, place)
                 JOIN products q ON q.shop_id = :shop_id AND q.product_id = listed.product_id
                 WHERE q.removed_at IS NULL AND q.is_published AND NOT q.is_gift_card
                   AND q.product_id <> p.product_id
                 ORDER BY listed.place LIMIT :most) AS wanted
    FROM (SELECT product_id, platform_product_id, removed_at FROM products
          WHERE shop_id = :shop_id AND product_id > :after ORDER BY product_id LIMIT :page) p
    CROSS JOIN unnest(CAST(:kinds AS text[]), CAST(:sources AS text[])) AS k (kind, source)
    LEFT JOIN theme_lists t ON t.shop_id = :shop_id AND t.platform_product_id = p.platform_product_id
                               AND t.kind = k.kind
    LEFT JOIN LATERAL (
        SELECT l.product_ids FROM recommendations l
        JOIN models m ON m.shop_id = l.shop_id AND m.model_id = l.model_id AND m.state = 'published'
        WHERE l.shop_id = :shop_id AND l.strategy = k.source AND l.subject_id = p.product_id
          AND p.removed_at IS NULL
        ORDER BY l.revision DESC LIMIT 1) r ON true
    ORDER BY p.product_id, k.kind""")

_INTEND = text("""
    INSERT INTO theme_lists (shop_id, platform_product_id, kind, state, before, written, pending, changed_at)
    VALUES (:shop_id, :product, :kind, 'ours', :raw, CAST(:held AS text[]),
            CAST(:wanted AS text[]), :now)
    ON CONFLICT (shop_id, platform_product_id, kind) DO UPDATE SET
        before = CASE WHEN theme_lists.state = 'theirs' THEN excluded.before ELSE theme_lists.before END,
        state = 'ours', written = excluded.written, pending = excluded.pending, changed_at = excluded.changed_at""")

_SETTLE = text("""
    UPDATE theme_lists SET state = 'ours', written = CAST(:wanted AS text[]), pending = NULL
    WHERE shop_id = :shop_id AND platform_product_id = :product AND kind = :kind""")

_LEAVE = text("""
    INSERT INTO theme_lists (shop_id, platform_product_id, kind, state, written, changed_at)
    VALUES (:shop_id, :product, :kind, :state, '{}', :now)
    ON CONFLICT (shop_id, platform_product_id, kind) DO UPDATE SET
        state = excluded.state, pending = NULL, changed_at = excluded.changed_at
    WHERE theme_lists.state <> excluded.state""")

# Somebody changed it between our reading and our writing; it is looked at again next time.
_FORGET_NEW = text("""
    DELETE FROM theme_lists WHERE shop_id = :shop_id AND platform_product_id = :product AND kind = :kind
    AND written = '{}'""")

_RETRACT = text("""
    UPDATE theme_lists SET pending = NULL
    WHERE shop_id = :shop_id AND platform_product_id = :product AND kind = :kind""")

_FORGET_OTHERS = text("DELETE FROM theme_lists WHERE shop_id = :shop_id AND state <> 'ours'")

_DROP = text("""
    DELETE FROM theme_lists WHERE shop_id = :shop_id AND platform_product_id = :product AND kind = :kind""")

_STANDING = text("""
    SELECT (SELECT count(*) FROM theme_lists WHERE shop_id = :shop_id AND state = 'ours') AS n_ours,
           (SELECT count(*) FROM theme_lists WHERE shop_id = :shop_id AND state <> 'ours') AS n_theirs,
           EXISTS (SELECT 1 FROM jobs WHERE shop_id = :shop_id AND kind = :kind
                   AND state IN ('queued', 'running')) AS is_working,
           (SELECT error FROM jobs WHERE shop_id = :shop_id AND kind = :kind
            ORDER BY job_id DESC LIMIT 1) AS error""")
