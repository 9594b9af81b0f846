"""Makes the demo shop of a real order history: goods, buyers, orders. The dates and prices are kept."""

from __future__ import annotations

import gc
import random
import string
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.demo.catalogue import handle_of
from app.demo.people import People
from app.demo.pictures import motif_for, svg_for_title
from app.demo.world import Customer, Line, Order, Product, Variant, World
from app.services.orderfile import GUEST, UNKNOWN_PRICE, OrderFile, OrderFileError, Reject, read_orders

# Where a shop that sells in a currency most likely is; the file does not say.
TIMEZONES = {
    "GBP": "Europe/London",
    "EUR": "Europe/Dublin",
    "USD": "America/New_York",
    "TRY": "Europe/Istanbul",
}

# What motifs are sold under where the file has no categories.
TYPES = {
    "Mugs & Cups": "mug cup tumbler glassware",
    "Tea & Coffee": "teapot tin coffee_bag press dripper kettle",
    "Table": "plate bowl carafe knife",
    "Kitchen": "pan utensils board whisk bottle",
    "Candles & Lights": "candle lights diffuser matches",
    "Bags": "bag",
    "Cards & Wrapping": "cards gift_card",
    "Paper & Desk": "notebook pens",
    "Bath": "soap brush tube",
    "Textiles": "towel cushion apron gloves",
    "Garden": "plant planter watering_can trowel seeds",
    "Boxes & Jars": "jar basket packet",
    "Decorations": "bauble frame vase",
    "Sweets": "chocolate",
}
TYPE_OF_MOTIF = {motif: name for name, motifs in TYPES.items() for motif in motifs.split()}

# Nobody bought it for so long (days): the shop is taken to have run out of it.
GONE_AFTER_DAYS = 365

SHARE_SUBSCRIBED, SHARE_UNSUBSCRIBED = 0.72, 0.08


def read_history(path: str | Path) -> OrderFile:
    """Read the file a shop is to be made of.

    Raises:
        OrderFileError: it can't be read, or has no order with a date.
    """
    file = read_orders(path)
    if not np.isfinite(file.rows.ordered_at).any():
        reject = f" (line {file.rejects[0].line}: {file.rejects[0].reason})" if file.rejects else ""
        raise OrderFileError(
            f"{Path(path).name} has no order with a date and a product{reject}: there is nothing to make a shop of."
        )
    return file


def world_from_orders(path: str | Path, seed: int = 7) -> tuple[World, list[Reject]]:
    """The shop whose history the file is, and the lines that were left out, by line and reason.

    The same file and seed give the same shop. A product's SKU is the file's product id.
    """
    file = read_history(path)
    with _without_collector():
        world = _world(file, Path(path), random.Random(seed))
    return world, list(file.rejects)


@contextmanager
def _without_collector() -> Iterator[None]:
    """A million new objects, none of them garbage: looking for some would triple the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _world(file: OrderFile, path: Path, rng: random.Random) -> World:
    at = _order_moments(file)
    # The first full hour after the last order.
    ends_at = datetime.fromtimestamp((float(np.nanmax(at)) // 3600 + 1) * 3600, UTC)
    name = path.name.partition(".")[0]
    currency = file.currency or "EUR"
    world = World(
        shop_name=string.capwords(name.replace("_", " ").replace("-", " ")),
        shop_domain=f"{handle_of(name) or 'demo'}.myshopify.com",
        currency=currency,
        timezone=TIMEZONES.get(currency, "UTC"),
        locale="en",
        starts_at=ends_at,
    )
    products = _products(file, at, world)
    customers = _customers(file, at, world, rng)
    _orders(file, at, world, products, customers)
    return world


def _order_moments(file: OrderFile) -> NDArray[np.float64]:
    """Unix seconds of each order: the latest its lines name, NaN where none does."""
    at = np.full(len(file.order_ids), -np.inf)
    np.fmax.at(at, file.rows.order, file.rows.ordered_at)
    return np.where(np.isfinite(at), at, np.nan)


def _products(file: OrderFile, at: NDArray[np.float64], world: World) -> list[Product]:
    rows = file.rows
    n_products = len(file.product_ids)
    first, last = np.full(n_products, np.inf), np.full(n_products, -np.inf)
    np.fmin.at(first, rows.product, at[rows.order])
    np.fmax.at(last, rows.product, at[rows.order])
    prices = _prices(file, at)
    found, taken = [], set[str]()
    gone_before = world.starts_at.timestamp() - GONE_AFTER_DAYS * 86400
    for code, sku in enumerate(file.product_ids):
        product = _product(file, code, sku, prices[code], world)
        while product.handle in taken:
            product.handle = f"{product.handle}-{handle_of(sku) or code}"
        taken.add(product.handle)
        seen = first[code] if np.isfinite(first[code]) else world.starts_at.timestamp()
        product.created_at = product.updated_at = datetime.fromtimestamp(seen, UTC) - timedelta(days=1)
        if last[code] < gone_before:
            product.variants[0].n_available = 0
        world.products[product.id] = product
        found.append(product)
    return found


def _prices(file: OrderFile, at: NDArray[np.float64]) -> list[int]:
    """What each product cost last (minor units); a plausible price where the file names none."""
    rows = file.rows
    known = rows.price_minor != UNKNOWN_PRICE
    latest = np.argsort(at[rows.order[known]], kind="stable")
    prices = np.full(len(file.product_ids), UNKNOWN_PRICE, np.int64)
    prices[rows.product[known][latest]] = rows.price_minor[known][latest]
    usual = int(np.median(rows.price_minor[known])) if known.any() else 1500
    return [usual if price == UNKNOWN_PRICE else int(price) for price in prices]


def _product(file: OrderFile, code: int, sku: str, price: int, world: World) -> Product:
    told = file.titles[code] or sku
    title = string.capwords(told) if told.isupper() else told
    motif = motif_for(title)
    category = file.categories[code] or TYPE_OF_MOTIF.get(motif, "Gifts")
    luck = zlib.crc32(sku.encode())
    return Product(
        id=world.new_id(),
        handle=handle_of(title) or f"product-{code + 1}",
        title=title,
        vendor=file.vendors[code] or world.shop_name,
        product_type=category,
        tags=[category.casefold()],
        description="",
        variants=[Variant(world.new_id(), "Default Title", price, sku, n_available=20 + luck % 400)],
        created_at=world.starts_at,
        updated_at=world.starts_at,
        picture_svg=svg_for_title(title, motif),
    )


def _customers(file: OrderFile, at: NDArray[np.float64], world: World, rng: random.Random) -> list[Customer]:
    """One invented person per customer of the file: its ids are kept to nobody's real address."""
    rows = file.rows
    n_customers = len(file.customer_ids)
    of_known = rows.customer != GUEST
    first, last = np.full(n_customers, np.inf), np.full(n_customers, -np.inf)
    np.fmin.at(first, rows.customer[of_known], at[rows.order[of_known]])
    np.fmax.at(last, rows.customer[of_known], at[rows.order[of_known]])
    people, found = People(rng), []
    for code in range(n_customers):
        person = people.draw()
        began = datetime.fromtimestamp(first[code], UTC) if np.isfinite(first[code]) else world.starts_at
        changed = datetime.fromtimestamp(last[code], UTC) if np.isfinite(last[code]) else began
        state = _consent(rng)
        customer = Customer(
            id=world.new_id(),
            email=person.email,
            first_name=person.first_name,
            last_name=person.last_name,
            locale=person.locale,
            marketing_state=state,
            created_at=began,
            updated_at=changed,
            consent_updated_at=None if state == "not_subscribed" else began,
        )
        world.customers[customer.id] = customer
        found.append(customer)
    return found


def _consent(rng: random.Random) -> str:
    luck = rng.random()
    if luck < SHARE_SUBSCRIBED:
        return "subscribed"
    return "unsubscribed" if luck < SHARE_SUBSCRIBED + SHARE_UNSUBSCRIBED else "not_subscribed"


def _orders(
    file: OrderFile,
    at: NDArray[np.float64],
    world: World,
    products: list[Product],
    customers: list[Customer],
) -> None:
    """Orders by their moment, each with its lines in the file's order. Orders without a date are left out."""
    rows = file.rows
    moments = at[rows.order]
    kept = np.flatnonzero(np.isfinite(moments))
    kept = kept[np.lexsort((kept, rows.order[kept], moments[kept]))]
    sold = [(p.id, p.variants[0].id, p.variants[0].price) for p in products]
    new_id, current, order = world.new_id, -1, None
    columns = (rows.order, rows.customer, rows.product, rows.quantity, rows.price_minor)
    for code, customer, product, quantity, price in zip(*(c[kept].tolist() for c in columns), strict=True):
        if code != current or order is None:
            current = code
            order = _order(
                world, file.order_ids[code], at[code], None if customer == GUEST else customers[customer]
            )
        product_id, variant_id, usual = sold[product]
        paid = usual if price == UNKNOWN_PRICE else price
        order.lines.append(Line(new_id(), product_id, variant_id, max(1, round(quantity)), paid))


def _order(world: World, name: str, at: float, customer: Customer | None) -> Order:
    moment = datetime.fromtimestamp(float(at), UTC)
    order = Order(world.new_id(), name if name.startswith("#") else f"#{name}", moment, moment, [])
    if customer is not None:
        order.customer_id, order.email = customer.id, customer.email
        customer.n_orders += 1
    world.orders[order.id] = order
    return order
