"""Gathers everything a decision about one message looks at, in one statement; it decides and changes nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from uuid import UUID

from babel.core import get_global
from sqlalchemy import Connection, RowMapping, text

from app.domain import caps, consent, experiments
from app.domain.events import Consent, ConsentState, LineItem
from app.domain.flows import CartFacts, Facts, FlowKind, PlannedMail, ShopState
from app.domain.money import Money
from app.domain.quiet import zone_named
from app.mail.addresses import BadAddressError, read_recipient
from app.platforms.base import CartRef
from app.services.messaging.ledger import Claim
from app.services.messaging.settings import texts_of
from app.services.shops import ShopRecord, get_shop


@dataclass(frozen=True, slots=True, kw_only=True)
class CartView:
    """The cart a mail is about."""

    cart_id: int
    lines: tuple[LineItem, ...]
    total: Money | None
    facts: CartFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One message with its surroundings as they were at one moment. `recipient` stays out of every log."""

    shop: ShopRecord
    mail: PlannedMail
    facts: Facts
    rfc_message_id: UUID
    recipient: str | None
    email_hash: bytes | None
    customer_id: int | None
    first_name: str | None
    locale: str
    texts: dict[str, str]
    cart: CartView | None
    order_ref: CartRef
    ordered_since: datetime


def gather(connection: Connection, claim: Claim, now: datetime) -> Scene:
    """Read the scene of a claimed message. What only the platform knows is left open in its facts."""
    row = (
        connection.execute(
            _SCENE,
            {"shop_id": claim.shop_id, "message_id": claim.message_id, "week_ago": now - caps.WEEK},
        )
        .mappings()
        .one()
    )
    shop = get_shop(connection, claim.shop_id)
    email_hash = bytes(row["email_hash"]) if row["email_hash"] is not None else None
    return Scene(
        shop=shop,
        mail=PlannedMail(flow=FlowKind(row["flow"]), planned_at=row["created_at"]),
        facts=_facts(row, shop, email_hash, now),
        rfc_message_id=row["rfc_message_id"],
        recipient=row["email"],
        email_hash=email_hash,
        customer_id=row["person_id"],
        first_name=row["first_name"],
        locale=row["cart_locale"] or row["person_locale"] or shop.locale,
        texts=texts_of(row["flow_settings"]),
        cart=_cart(row, shop),
        order_ref=CartRef(
            cart_token=row["cart_token"] or "",
            checkout_token=row["checkout_token"],
            email=row["email"],
            platform_customer_id=row["platform_customer_id"],
        ),
        ordered_since=row["ordered_since"],
    )


def with_order_check(facts: Facts, *, says_ordered: bool, age_seconds: float) -> Facts:
    """The facts with the platform's answer in them."""
    return replace(facts, platform_says_ordered=says_ordered, order_check_age_seconds=age_seconds)


def as_json(facts: Facts, now: datetime) -> dict[str, Any]:
    """What the decision saw, fit for the ledger: times, counts and states, nobody's address."""
    told: dict[str, Any] = {
        "decided_at": now.isoformat(),
        "consent": facts.consent.state.value if facts.consent else None,
        "basis": consent.basis(facts.consent),
        "consent_at": _iso(facts.consent.changed_at if facts.consent else None),
        "suppressions": sorted(facts.suppressions),
        "n_sent_last_day": caps.n_within(facts.sent_at, caps.DAY, now),
        "n_sent_last_week": caps.n_within(facts.sent_at, caps.WEEK, now),
        "has_ordered": facts.has_ordered,
        "platform_says_ordered": facts.platform_says_ordered,
        "order_check_age_seconds": facts.order_check_age_seconds and round(facts.order_check_age_seconds, 3),
        "local_time": now.astimezone(facts.zone).strftime("%H:%M"),
        "zone": str(facts.zone),
        "shop_state": facts.shop_state.value,
    }
    if facts.has_other_sender:
        told["has_other_sender"] = True
    if facts.cart is not None:
        told["cart_active_at"] = _iso(facts.cart.last_activity_at)
    return told


def zone_of_person(country: str | None, shop_zone: str, now: datetime) -> tzinfo:
    """The zone of a person's country where all its clocks agree at this moment, else the shop's."""
    zones = [zone_named(name) for name in get_global("territory_zones").get((country or "").upper(), ())]
    if len({now.astimezone(zone).utcoffset() for zone in zones}) == 1:
        return zones[0]
    return zone_named(shop_zone)


def lines_of(stored: list[Any] | None, currency: str) -> tuple[LineItem, ...]:
    """A cart's lines as `recording.carts` stores them; a line that holds no product or nothing of it is left out."""
    return tuple(
        LineItem(
            platform_product_id=line.get("product"),
            platform_variant_id=line.get("variant"),
            title=line.get("title") or "",
            quantity=line["quantity"],
            unit_price=Money(line["unit_price"], line.get("currency") or currency),
            list_id=line.get("list_id"),
        )
        for line in stored or []
        if line.get("quantity", 0) > 0
    )


def _facts(row: RowMapping, shop: ShopRecord, email_hash: bytes | None, now: datetime) -> Facts:
    holdout_share = shop.policy.mail.holdout_share
    return Facts(
        flow_is_active=bool(row["flow_is_active"]),
        shop_state=ShopState(shop.state),
        has_valid_address=_is_address(row["email"]),
        is_erased=row["is_erased"],
        consent=_consent(row),
        suppressions=frozenset(row["suppressions"]),
        has_ordered=row["has_ordered"] or row["cart_state"] == "ordered",
        platform_says_ordered=None,
        order_check_age_seconds=None,
        cart=_cart_facts(row, shop),
        sent_at=tuple(row["sent_at"]),
        arm=experiments.arm(shop.holdout_salt, email_hash or b"", holdout_share),
        zone=zone_of_person(row["country"], shop.timezone, now),
        has_other_sender=bool(shop.conflicts),
    )


def _consent(row: RowMapping) -> Consent | None:
    if row["consent_state"] is None:
        return None
    return Consent(
        state=ConsentState(row["consent_state"]),
        opt_in_level=row["opt_in_level"],
        changed_at=row["consent_at"],
        source=row["consent_source"],
    )


def _cart_facts(row: RowMapping, shop: ShopRecord) -> CartFacts | None:
    if row["cart_state"] is None:
        return None
    return CartFacts(
        is_open=row["cart_state"] == "open",
        is_empty=not lines_of(row["lines"], shop.currency),
        last_activity_at=row["last_activity_at"],
        has_newer=row["has_newer_cart"],
    )


def _cart(row: RowMapping, shop: ShopRecord) -> CartView | None:
    facts = _cart_facts(row, shop)
    if facts is None:
        return None
    currency = row["currency"] or shop.currency
    total = Money(row["total"], currency) if row["total"] is not None else None
    return CartView(cart_id=row["cart_id"], lines=lines_of(row["lines"], currency), total=total, facts=facts)


def _is_address(email: str | None) -> bool:
    try:
        read_recipient(email or "")
    except BadAddressError:
        return False
    return True


def _iso(at: datetime | None) -> str | None:
    return at.astimezone(UTC).replace(microsecond=0).isoformat() if at else None


def absence_subject(customer_id: int, last_order_at: datetime) -> str:
    """One absence of a customer: two orders on one day begin the same one."""
    return f"absence:{customer_id}:{int(last_order_at.timestamp() // timedelta(days=1).total_seconds())}"


# An order counts against a cart from the cart's first moment, against an absence from the day after the last
# order. The address is always the present one of the cart or the customer. A mail of unknown outcome counts
# against the cap: it may have arrived. Of two consents at one moment the one that forbids holds.
_SCENE = text("""
    SELECT m.flow, m.created_at, m.rfc_message_id, f.is_active AS flow_is_active, f.settings AS flow_settings,
           c.cart_id, c.cart_token, c.checkout_token, c.lines, c.currency, c.total, c.locale AS cart_locale,
           c.state AS cart_state, c.last_activity_at, p.customer_id AS person_id, p.first_name,
           p.locale AS person_locale, p.country, who.email, who.email_hash, who.platform_customer_id,
           who.ordered_since, k.state AS consent_state, k.opt_in_level, k.changed_at AS consent_at,
           k.source AS consent_source,
           ARRAY(SELECT s.scope FROM suppressions s
                 WHERE s.shop_id = m.shop_id AND s.email_hash = who.email_hash) AS suppressions,
           who.email_hash IS NOT NULL AND EXISTS (
               SELECT 1 FROM erasures x
               WHERE x.shop_id = m.shop_id AND x.subject_hash = who.email_hash) AS is_erased,
           EXISTS (SELECT 1 FROM orders o
                   WHERE o.shop_id = m.shop_id AND o.placed_at >= who.ordered_since
                     AND o.cancelled_at IS NULL AND o.removed_at IS NULL
                     AND (o.email_hash = who.email_hash
                          OR o.platform_customer_id = who.platform_customer_id)) AS has_ordered,
           ARRAY(SELECT coalesce(t.sent_at, t.handed_over_at) FROM messages t
                 WHERE t.shop_id = m.shop_id AND t.email_hash = who.email_hash
                   AND t.message_id <> m.message_id AND t.state IN ('handed_over', 'sent', 'unknown')
                   AND coalesce(t.sent_at, t.handed_over_at) > :week_ago) AS sent_at,
           EXISTS (SELECT 1 FROM carts n
                   WHERE n.shop_id = m.shop_id AND n.email_hash = who.email_hash AND n.cart_id <> c.cart_id
                     AND n.state = 'open' AND n.last_activity_at > c.last_activity_at
                     AND n.lines <> '[]'::jsonb) AS has_newer_cart
    FROM messages m
    JOIN enrolments e ON e.shop_id = m.shop_id AND e.enrolment_id = m.enrolment_id
    LEFT JOIN flows f ON f.shop_id = m.shop_id AND f.kind = m.flow
    LEFT JOIN carts c ON c.shop_id = m.shop_id AND c.cart_id = e.cart_id
    LEFT JOIN LATERAL (
        SELECT * FROM customers p
        WHERE p.shop_id = m.shop_id AND p.removed_at IS NULL
          AND (p.customer_id = e.customer_id OR p.platform_customer_id = c.platform_customer_id
               OR p.email_hash = c.email_hash)
        ORDER BY coalesce(p.customer_id = e.customer_id, false) DESC,
                 coalesce(p.platform_customer_id = c.platform_customer_id, false) DESC, p.customer_id
        LIMIT 1) p ON true
    CROSS JOIN LATERAL (
        SELECT CASE WHEN e.cart_id IS NULL THEN p.email ELSE c.email END AS email,
               CASE WHEN e.cart_id IS NULL THEN p.email_hash ELSE c.email_hash END AS email_hash,
               coalesce(c.platform_customer_id, p.platform_customer_id) AS platform_customer_id,
               CASE WHEN e.cart_id IS NULL
                    THEN to_timestamp((split_part(e.subject, ':', 3)::bigint + 1) * 86400)
                    ELSE coalesce(c.created_at, m.created_at) END AS ordered_since
    ) who
    LEFT JOIN LATERAL (
        SELECT * FROM consents k
        WHERE k.shop_id = m.shop_id AND k.email_hash = who.email_hash
        ORDER BY k.changed_at DESC, k.state = 'subscribed', k.consent_id DESC LIMIT 1) k ON true
    WHERE m.shop_id = :shop_id AND m.message_id = :message_id""")
