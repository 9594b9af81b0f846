"""A shop's flows: which there are, which are on, and what a flow needs before it may be switched on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects.postgresql import insert

from app.db.models import Flow
from app.domain.flows import FlowKind, has_postal_address
from app.services.shops import get_shop

FLOW_KINDS: tuple[str, ...] = tuple(kind.value for kind in FlowKind)


class PostalAddressMissingError(Exception):
    """Enter your postal address in the settings first: the law asks for it in every mail."""


class UnknownFlowError(LookupError):
    """There is no such flow."""


@dataclass(frozen=True, slots=True)
class FlowView:
    """A flow as the merchant sees it. `texts` are their own words in place of ours (`mail.render.OVERRIDABLE`)."""

    kind: str
    is_active: bool
    activated_at: datetime | None
    texts: Mapping[str, str]


def flows(connection: Connection, shop_id: int) -> list[FlowView]:
    """Every flow there is, those the shop has never touched included."""
    rows = connection.execute(select(Flow.__table__).where(Flow.shop_id == shop_id)).mappings()
    known = {row["kind"]: row for row in rows}
    return [
        FlowView(
            kind,
            known[kind]["is_active"] if kind in known else False,
            known[kind]["activated_at"] if kind in known else None,
            texts_of(known[kind]["settings"]) if kind in known else {},
        )
        for kind in FLOW_KINDS
    ]


def flow_texts(connection: Connection, shop_id: int, kind: FlowKind) -> dict[str, str]:
    """The merchant's own words for a flow's mail."""
    stored = select(Flow.settings).where(Flow.shop_id == shop_id, Flow.kind == kind.value)
    return texts_of(connection.execute(stored).scalar())


def is_active(connection: Connection, shop_id: int, kind: FlowKind) -> bool:
    return bool(
        connection.execute(
            select(Flow.is_active).where(Flow.shop_id == shop_id, Flow.kind == kind.value)
        ).scalar()
    )


def activate(connection: Connection, shop_id: int, kind: str, now: datetime) -> None:
    """Switch a flow on.

    Raises:
        PostalAddressMissingError: the mails could not name the sender's address.
        UnknownFlowError: there is no such flow.
    """
    _check_known(kind)
    if not has_postal_address(get_shop(connection, shop_id).policy):
        raise PostalAddressMissingError(PostalAddressMissingError.__doc__)
    values = {"is_active": True, "activated_at": now}
    connection.execute(
        insert(Flow)
        .values(shop_id=shop_id, kind=kind, **values)
        .on_conflict_do_update(index_elements=["shop_id", "kind"], set_=values, where=~Flow.is_active)
    )


def deactivate(connection: Connection, shop_id: int, kind: str) -> None:
    """Switch a flow off. Mails that come due while it is off are held back for good; others wait."""
    _check_known(kind)
    connection.execute(update(Flow).where(Flow.shop_id == shop_id, Flow.kind == kind).values(is_active=False))


def save_texts(connection: Connection, shop_id: int, kind: str, texts: Mapping[str, str]) -> None:
    """Store the merchant's own words for a flow's mail; the caller has linted them (`mail.render.lint`)."""
    _check_known(kind)
    kept = {name: words for name, words in texts.items() if words.strip()}
    connection.execute(
        insert(Flow)
        .values(shop_id=shop_id, kind=kind, is_active=False, settings={"texts": kept})
        .on_conflict_do_update(index_elements=["shop_id", "kind"], set_={"settings": {"texts": kept}})
    )


def texts_of(stored: Mapping[str, Any] | None) -> dict[str, str]:
    """The merchant's own words in a flow's stored settings."""
    return dict((stored or {}).get("texts") or {})


def _check_known(kind: str) -> None:
    if kind not in FLOW_KINDS:
        raise UnknownFlowError(f"there is no flow {kind[:40]!r}; there are {' and '.join(FLOW_KINDS)}")
