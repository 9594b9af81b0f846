"""Writes one mail: fills its context from the shop's tables, renders it, and builds its bytes; it sends nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping, text

from app.domain.flows import FlowKind
from app.domain.money import Money
from app.domain.offers import GivenCode, last_day_of
from app.domain.quiet import zone_named
from app.mail.addresses import BadAddressError, read_recipient
from app.mail.compose import compose
from app.mail.context import (
    CartMail,
    LineView,
    MailContext,
    OfferView,
    PersonView,
    RecommendationView,
    ShopView,
    WinBackMail,
)
from app.mail.links import Target
from app.mail.render import render
from app.mail.signing import sign_with
from app.services.context import Context
from app.services.messaging.ledger import Claim
from app.services.messaging.scene import Scene
from app.services.recommending import ProductCard, for_mail
from app.services.shops import ShopRecord

# The template shows four at most (mail.values.N_RECOMMENDATIONS_SHOWN).
N_RECOMMENDATIONS = 4

# Lines of the last order that a win-back shows; it is a reminder, not an invoice.
_N_LAST_LINES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenMail:
    """A mail ready to go. `product_ids` are what its counted links lead to, lines first, then recommendations."""

    subject: str
    raw: bytes
    model_id: int | None
    line_products: tuple[str | None, ...]
    recommended_products: tuple[str, ...]
    offered_percent: int | None = None


def write_mail(
    context: Context,
    connection: Connection,
    claim: Claim,
    scene: Scene,
    now: datetime,
    *,
    code: GivenCode | None = None,
) -> WrittenMail:
    """Fill, render and compose.

    Raises:
        ValueError: the merchant's texts, the sender or a header can't be used (each has its own subclass).
    """
    cart_products = [line.platform_product_id for line in scene.cart.lines] if scene.cart else []
    cards = for_mail(
        connection,
        scene.shop,
        customer_id=scene.customer_id,
        cart_product_ids=[product for product in cart_products if product],
        n=N_RECOMMENDATIONS,
    )
    links = _Links(context, claim)
    recommendations = links.recommendations(cards)
    if scene.mail.flow is FlowKind.ABANDONED_CART:
        mail, line_products = _cart_mail(connection, scene, links, recommendations, code)
    else:
        mail, line_products = _win_back_mail(connection, scene, links, recommendations)
    rendered = render(mail.name, mail, scene.locale, overrides=scene.texts)
    raw = compose(
        rendered,
        sender=context.settings.mail_from,
        sender_name=sender_name(scene.shop),
        reply_to=_reply_to(scene.shop),
        recipient=scene.recipient or "",
        message_id=f"{scene.rfc_message_id}@{context.settings.mail_domain}",
        unsubscribe_url=mail.unsubscribe_url,
        unsubscribe_mailto=None,
        list_id=f"{scene.mail.flow.replace('_', '-')}.shop-{claim.shop_id}.{context.settings.mail_domain}",
        feedback_id=f"{scene.mail.flow}:shop-{claim.shop_id}:regulars",
        date=now,
        sign=signing(context),
    )
    return WrittenMail(
        subject=rendered.subject,
        raw=raw,
        model_id=_published_model(connection, claim.shop_id) if cards else None,
        line_products=line_products,
        recommended_products=tuple(card.platform_product_id for card in cards),
        offered_percent=code.percent if code else None,
    )


@dataclass(frozen=True, slots=True)
class _Links:
    """The addresses in one mail. Each names its message by a signed token, nobody by name."""

    context: Context
    claim: Claim

    def resume(self) -> str:
        return self._url("r", self.context.links.resume(self.claim.shop_id, self.claim.message_id))

    def unsubscribe(self) -> str:
        return self._url("u", self.context.links.unsubscribe(self.claim.shop_id, self.claim.message_id))

    def preferences(self) -> str:
        return self._url("p", self.context.links.preferences(self.claim.shop_id, self.claim.message_id))

    def click(self, target: Target, index: int = 0) -> str:
        token = self.context.links.click(self.claim.shop_id, self.claim.message_id, target, index)
        return self._url("c", token)

    def recommendations(self, cards: Sequence[ProductCard]) -> tuple[RecommendationView, ...]:
        return tuple(
            RecommendationView(
                title=card.title,
                url=self.click(Target.RECOMMENDATION, index),
                price=card.price,
                price_varies=card.price_varies,
                image_url=card.image_url,
            )
            for index, card in enumerate(cards)
        )

    def _url(self, kind: str, token: str) -> str:
        return f"{self.context.settings.app_url}/{kind}/{token}"


def _cart_mail(
    connection: Connection,
    scene: Scene,
    links: _Links,
    recommendations: tuple[RecommendationView, ...],
    code: GivenCode | None,
) -> tuple[MailContext, tuple[str | None, ...]]:
    if scene.cart is None:
        raise ValueError("a cart mail needs a cart")
    lines = scene.cart.lines
    images = _images(connection, scene.shop.shop_id, [line.platform_product_id for line in lines])
    variants = _variants(connection, scene.shop.shop_id, [line.platform_variant_id for line in lines])
    views = tuple(
        LineView(
            title=line.title,
            variant=_variant_beside(line.title, variants.get(line.platform_variant_id or "")),
            quantity=line.quantity,
            unit_price=line.unit_price,
            line_total=Money(line.unit_price.amount * line.quantity, line.unit_price.currency),
            url=links.click(Target.LINE, index),
            image_url=images.get(line.platform_product_id or ""),
        )
        for index, line in enumerate(lines)
    )
    sum_of_lines = Money(sum(view.line_total.amount for view in views), lines[0].unit_price.currency)
    mail = CartMail(
        shop=shop_view(scene.shop),
        person=PersonView(first_name=scene.first_name),
        lines=views,
        total=scene.cart.total or sum_of_lines,
        resume_url=links.resume(),
        unsubscribe_url=links.unsubscribe(),
        preferences_url=links.preferences(),
        recommendations=recommendations,
        offer=offer_view(code, scene.shop) if code else None,
    )
    return mail, tuple(line.platform_product_id for line in lines)


def offer_view(code: GivenCode, shop: ShopRecord) -> OfferView:
    """The discount as a mail tells of it."""
    last_day = last_day_of(code.ends_at, zone_named(shop.timezone))
    return OfferView(code=code.code, percent=code.percent, last_day=last_day)


def _win_back_mail(
    connection: Connection, scene: Scene, links: _Links, recommendations: tuple[RecommendationView, ...]
) -> tuple[MailContext, tuple[str | None, ...]]:
    rows = _last_order(connection, scene)
    if not rows:
        raise ValueError("a win-back needs an earlier order; this customer has none any more")
    shown = [row for row in rows if row["title"]][:_N_LAST_LINES]
    mail = WinBackMail(
        shop=shop_view(scene.shop),
        person=PersonView(first_name=scene.first_name),
        last_order_at=rows[0]["placed_at"].astimezone(scene.facts.zone),
        lines=tuple(_last_line(row, links, index) for index, row in enumerate(shown)),
        visit_url=links.click(Target.SHOP),
        unsubscribe_url=links.unsubscribe(),
        preferences_url=links.preferences(),
        recommendations=recommendations,
    )
    return mail, tuple(row["platform_product_id"] for row in shown)


def _last_line(row: RowMapping, links: _Links, index: int) -> LineView:
    return LineView(
        title=row["title"],
        quantity=row["quantity"],
        unit_price=Money(row["unit_price"], row["currency"]),
        line_total=Money(row["unit_price"] * row["quantity"], row["currency"]),
        url=links.click(Target.LINE, index),
        image_url=row["image_url"],
    )


def shop_view(shop: ShopRecord) -> ShopView:
    """The shop as it signs a mail."""
    return ShopView(
        name=sender_name(shop),
        url=shop.public_url,
        address=shop.policy.sender.postal_address,
        locale=shop.locale,
    )


def sender_name(shop: ShopRecord) -> str:
    """The name before the sender's address."""
    return shop.policy.sender.name.strip() or shop.name


def _reply_to(shop: ShopRecord) -> str | None:
    """Where answers go: the first of the merchant's addresses that is one."""
    sender = shop.policy.sender
    for address in (sender.reply_to, sender.email, shop.email):
        try:
            return read_recipient(address or "").wire
        except BadAddressError:
            continue
    return None


def _images(connection: Connection, shop_id: int, products: Sequence[str | None]) -> dict[str, str]:
    rows = connection.execute(_IMAGES, {"shop_id": shop_id, "ids": [id_ for id_ in products if id_]})
    return {row.platform_product_id: row.image_url for row in rows}


def _variants(connection: Connection, shop_id: int, variants: Sequence[str | None]) -> dict[str, str]:
    rows = connection.execute(_VARIANTS, {"shop_id": shop_id, "ids": [id_ for id_ in variants if id_]})
    return {row.platform_variant_id: row.title for row in rows}


def _variant_beside(title: str, variant: str | None) -> str | None:
    """The variant's name, unless the line's title says it already, as some carts write it."""
    return variant if variant and variant.casefold() not in title.casefold() else None


def _last_order(connection: Connection, scene: Scene) -> Sequence[RowMapping]:
    return (
        connection.execute(
            _LAST_ORDER,
            {"shop_id": scene.shop.shop_id, "id": scene.order_ref.platform_customer_id},
        )
        .mappings()
        .all()
    )


def _published_model(connection: Connection, shop_id: int) -> int | None:
    return connection.execute(_MODEL, {"shop_id": shop_id}).scalar()


def signing(context: Context) -> Callable[[bytes], bytes] | None:
    settings = context.settings
    return sign_with(settings.dkim_key_file, settings.dkim_selector, settings.mail_from)


_IMAGES = text("""
    SELECT platform_product_id, image_url FROM products
    WHERE shop_id = :shop_id AND platform_product_id = ANY(:ids) AND image_url IS NOT NULL""")

# Of a product that is sold in one form only, the platform's name for that form ("Default Title") is nobody's.
_VARIANTS = text("""
    SELECT v.platform_variant_id, v.title FROM variants v
    WHERE v.shop_id = :shop_id AND v.platform_variant_id = ANY(:ids)
      AND EXISTS (SELECT FROM variants other WHERE other.shop_id = v.shop_id
                  AND other.product_id = v.product_id AND other.variant_id <> v.variant_id)""")

# Every line of the customer's last order; a product that was removed since has no title to show.
_LAST_ORDER = text("""
    WITH last AS (
        SELECT order_id, placed_at, currency FROM orders
        WHERE shop_id = :shop_id AND platform_customer_id = :id AND cancelled_at IS NULL
          AND removed_at IS NULL AND NOT is_test
        ORDER BY placed_at DESC LIMIT 1)
    SELECT last.placed_at, last.currency, l.platform_product_id, l.quantity, l.unit_price, p.title, p.image_url
    FROM last
    LEFT JOIN order_lines l ON l.shop_id = :shop_id AND l.order_id = last.order_id
    LEFT JOIN products p ON p.shop_id = :shop_id AND p.platform_product_id = l.platform_product_id
         AND p.removed_at IS NULL AND p.is_published
    ORDER BY l.position""")

_MODEL = text("SELECT model_id FROM models WHERE shop_id = :shop_id AND state = 'published'")
