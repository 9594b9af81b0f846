"""Follows links in mails back: where each leads, that it was clicked, and which order is credited to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from sqlalchemy import Connection, RowMapping, text

from app.domain import attribution
from app.domain.attribution import BoughtLine, Click
from app.mail.links import Link, Purpose, Target
from app.services import offers
from app.services.context import Context
from app.services.messaging.scene import lines_of
from app.services.permissions import extras
from app.services.shops import ShopRecord, get_shop


@dataclass(frozen=True, slots=True)
class Reader:
    """What a page for somebody who came from a mail may know of them: the shop, and the language to speak."""

    shop_name: str
    shop_url: str
    locale: str


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a click leads; `url` is None when what the mail was about is gone."""

    url: str | None
    reader: Reader


def reader_of(connection: Connection, link: Link) -> Reader:
    """Whom a link's page speaks to; the same for a message that is unknown or was erased.

    Raises:
        UnknownShopError: the shop is gone.
    """
    shop = get_shop(connection, link.shop_id)
    row = _message(connection, link)
    return _reader(shop, row)


def follow(context: Context, link: Link, now: datetime, *, is_counted: bool = True) -> Destination:
    """Store the click and say where it leads; an address from a mail is looked up, never taken from the link.

    Raises:
        UnknownShopError: the shop is gone.
    """
    with context.db.shop(link.shop_id) as connection:
        shop = get_shop(connection, link.shop_id)
        row = _message(connection, link)
        if row is None or shop.state == "uninstalled" or not shop.public_url:
            return Destination(None, _reader(shop, row))
        if is_counted:
            record_click(connection, link.shop_id, link.message_id, now)
        url = _target(context, connection, shop, row, link)
        if url is not None and link.purpose is Purpose.RESUME:
            url = _with_code(context, connection, shop, link, url, now)
    named = with_source(url, row["flow"], link.message_id) if url else None
    return Destination(named, _reader(shop, row))


def record_click(connection: Connection, shop_id: int, message_id: int, now: datetime) -> None:
    """The last click is what counts for attribution."""
    connection.execute(_CLICK, {"shop_id": shop_id, "message_id": message_id, "now": now})


def attribute_order(
    connection: Connection, shop_id: int, order_id: int, landing_path: str | None = None
) -> None:
    """Credit an order to the message clicked last before it, and to the shelf it was filled from.

    Only clicks of the buyer, or on the mail about the very cart that was bought, or on the mail that the shop says
    the buyer's visit began with: on another device, under another address. A credit once given stays.
    """
    values = {"shop_id": shop_id, "order_id": order_id, "landed": attribution.landed_message(landing_path)}
    order = connection.execute(_ORDER, values).mappings().one_or_none()
    if order is None:
        return
    clicks = connection.execute(
        _CLICKS,
        values | {"placed_at": order["placed_at"], "since": order["placed_at"] - attribution.CLICK_WINDOW},
    )
    lines = connection.execute(_SHELF_LINES, values)
    connection.execute(
        _CREDIT,
        values
        | {
            "message": attribution.credited_message(
                (Click(row.message_id, row.clicked_at) for row in clicks), order["placed_at"]
            ),
            "list": attribution.credited_list(BoughtLine(row.list_id, row.amount) for row in lines),
        },
    )


def with_source(url: str, flow: str, message_id: int) -> str:
    """The address with its origin named, so that the shop's own statistics can tell our mails' visits apart."""
    parts = urlsplit(url)
    ours = {
        "utm_source": attribution.SOURCE,
        "utm_medium": "email",
        "utm_campaign": flow,
        "utm_content": attribution.content_of(message_id),
    }
    kept = [
        (name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name not in ours
    ]
    return urlunsplit(parts._replace(query=urlencode([*kept, *ours.items()])))


def is_shops_own(url: str | None, shop: ShopRecord) -> bool:
    """Whether an address lies on the shop's own host, without anything that could make it lead elsewhere."""
    try:
        parts, public = urlsplit(url or ""), urlsplit(shop.public_url)
        has_own_port = (parts.hostname, parts.port) in {(public.hostname, public.port), (shop.domain, None)}
    except ValueError:
        return False
    is_plain = url is not None and url.isprintable() and "\\" not in url and " " not in url
    has_scheme = parts.scheme in ("https", public.scheme)
    return bool(is_plain and has_scheme and has_own_port and "@" not in parts.netloc)


def _message(connection: Connection, link: Link) -> RowMapping | None:
    values = {"shop_id": link.shop_id, "message_id": link.message_id}
    return connection.execute(_MESSAGE, values).mappings().one_or_none()


def _reader(shop: ShopRecord, row: RowMapping | None) -> Reader:
    return Reader(shop.name, shop.public_url, (row["locale"] if row else None) or shop.locale)


def _target(
    context: Context, connection: Connection, shop: ShopRecord, row: RowMapping, link: Link
) -> str | None:
    if link.purpose is Purpose.RESUME:
        return _cart_url(context, shop, row)
    if link.target is Target.SHOP:
        return shop.public_url
    shown = (row["facts"] or {}).get("recommended" if link.target is Target.RECOMMENDATION else "lines") or []
    index = link.index or 0
    product_id = shown[index] if 0 <= index < len(shown) else None
    path = connection.execute(_PRODUCT_PATH, {"shop_id": shop.shop_id, "id": product_id}).scalar()
    if not isinstance(path, str) or not path.startswith("/"):
        return shop.public_url
    return shop.public_url.rstrip("/") + path


def _with_code(
    context: Context, connection: Connection, shop: ShopRecord, link: Link, url: str, now: datetime
) -> str:
    """The way back into the cart with the mail's discount on it, as long as that works."""
    code, platform = offers.live_code(connection, shop.shop_id, link.message_id, now), extras(context, shop)
    return platform.with_code(url, code) if code and platform else url


def _cart_url(context: Context, shop: ShopRecord, row: RowMapping) -> str | None:
    """The platform's own recovery link, else one that fills the cart again; None for a cart that is gone."""
    if row["cart_state"] != "open":
        return None
    if is_shops_own(row["recovery_url"], shop):
        return str(row["recovery_url"])
    lines = [
        (line.platform_variant_id, line.quantity)
        for line in lines_of(row["lines"], shop.currency)
        if line.platform_variant_id
    ]
    return context.platforms[shop.platform].cart_link(shop.public_url, lines) if lines else None


_MESSAGE = text("""
    SELECT m.flow, m.facts, c.state AS cart_state, c.recovery_url, c.lines, c.locale
    FROM messages m
    JOIN enrolments e ON e.shop_id = m.shop_id AND e.enrolment_id = m.enrolment_id
    LEFT JOIN carts c ON c.shop_id = e.shop_id AND c.cart_id = e.cart_id
    WHERE m.shop_id = :shop_id AND m.message_id = :message_id""")

_CLICK = text("""
    UPDATE messages SET clicked_at = greatest(clicked_at, :now)
    WHERE shop_id = :shop_id AND message_id = :message_id AND state IN ('handed_over', 'sent', 'unknown')""")

_PRODUCT_PATH = text("""
    SELECT path FROM products
    WHERE shop_id = :shop_id AND platform_product_id = :id AND removed_at IS NULL AND is_published""")

_ORDER = text("""
    SELECT placed_at FROM orders
    WHERE shop_id = :shop_id AND order_id = :order_id AND removed_at IS NULL""")

_CLICKS = text("""
    SELECT m.message_id, m.clicked_at FROM messages m
    JOIN enrolments e ON e.shop_id = m.shop_id AND e.enrolment_id = m.enrolment_id
    JOIN orders o ON o.shop_id = m.shop_id AND o.order_id = :order_id
    LEFT JOIN carts c ON c.shop_id = e.shop_id AND c.cart_id = e.cart_id
    LEFT JOIN customers p ON p.shop_id = e.shop_id AND p.customer_id = e.customer_id
    WHERE m.shop_id = :shop_id AND m.clicked_at BETWEEN :since AND :placed_at
      AND (m.email_hash = o.email_hash OR c.cart_token = o.cart_token OR c.checkout_token = o.checkout_token
           OR p.platform_customer_id = o.platform_customer_id
           OR c.platform_customer_id = o.platform_customer_id OR m.message_id = CAST(:landed AS bigint))""")

_SHELF_LINES = text("""
    SELECT list_id, quantity * unit_price AS amount FROM order_lines
    WHERE shop_id = :shop_id AND order_id = :order_id AND list_id IS NOT NULL ORDER BY position""")

_CREDIT = text("""
    UPDATE orders SET attributed_message_id = coalesce(attributed_message_id, :message),
                      attributed_list_id = coalesce(:list, attributed_list_id)
    WHERE shop_id = :shop_id AND order_id = :order_id""")
