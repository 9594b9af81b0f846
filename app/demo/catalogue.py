"""Reads what Corner & Thyme sells, and the habits it was given, into the world's records; it invents no shoppers."""

from __future__ import annotations

import random
import re
import tomllib
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from app.demo import pictures
from app.demo.drawing import to_svg
from app.demo.world import Product, Variant, World

SOURCE = Path(__file__).with_name("catalogue.toml")

# Products older than the history, so that every order can be of something that existed.
DAYS_ON_SALE_BEFORE_HISTORY = 120

# How lately the products marked as new were added: long enough to be seen, too short for a history.
DAYS_NEW = 6


@dataclass(frozen=True, slots=True)
class Shelf:
    """One collection of the shop as its visitors see it."""

    handle: str
    title: str
    blurb: str


@dataclass(frozen=True, slots=True)
class Habits:
    """What the shoppers do; every product is named by its handle."""

    together: tuple[tuple[str, ...], ...]
    rebuy_days: Mapping[str, int]
    months: Mapping[str, frozenset[int]]
    popularity: Mapping[str, float]


def handle_of(title: str) -> str:
    """'Chef's Knife 20 cm' is at /products/chefs-knife-20-cm."""
    plain = unicodedata.normalize("NFKD", title.replace("'", "")).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")


@cache
def _read() -> dict[str, Any]:
    return tomllib.loads(SOURCE.read_text("utf-8"))


def _entries(source: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """(collection title, product) of everything sold."""
    return [(shelf["title"], entry) for shelf in source["collection"] for entry in shelf["products"]]


def shelves() -> tuple[Shelf, ...]:
    return tuple(Shelf(c["handle"], c["title"], c["blurb"]) for c in _read()["collection"])


def shop_domain() -> str:
    return str(_read()["shop"]["domain"])


def read_habits() -> Habits:
    source = _read()
    entries = {handle_of(entry["title"]): entry for _, entry in _entries(source)}
    months = {name: frozenset(numbers) for name, numbers in source["seasons"].items()}
    return Habits(
        together=tuple(tuple(group["members"]) for group in source["together"]),
        rebuy_days=source["rebuys"],
        months={h: months[e["season"]] for h, e in entries.items() if "season" in e},
        popularity={h: float(e.get("popular", 1.0)) for h, e in entries.items() if _is_bought(e)},
    )


def _is_bought(entry: dict[str, Any]) -> bool:
    return entry.get("status", "active") == "active" and not entry.get("new", False)


def empty_world(starts_at: datetime, history_days: int, rng: random.Random) -> World:
    """The shop with its products and planted truths, before anybody bought anything."""
    source = _read()
    shop = source["shop"]
    world = World(shop["name"], shop["domain"], shop["currency"], shop["timezone"], shop["locale"], starts_at)
    opened_at = starts_at - timedelta(days=history_days + DAYS_ON_SALE_BEFORE_HISTORY)
    for collection, entry in _entries(source):
        product = _product(entry, collection, opened_at, world, rng)
        world.products[product.id] = product
    ids = {product.handle: product.id for product in world.products.values()}
    for group in source["together"]:
        for member in group["members"]:
            world.planted_companions[ids[member]] = [ids[m] for m in group["members"] if m != member]
    world.planted_rebuys = {ids[handle]: days for handle, days in source["rebuys"].items()}
    return world


def _product(
    entry: dict[str, Any], collection: str, opened_at: datetime, world: World, rng: random.Random
) -> Product:
    handle = handle_of(entry["title"])
    created_at = opened_at + timedelta(days=rng.randrange(0, DAYS_ON_SALE_BEFORE_HISTORY - 5), hours=9)
    if entry.get("new"):
        created_at = world.starts_at - timedelta(days=DAYS_NEW)
    return Product(
        id=world.new_id(),
        handle=handle,
        title=entry["title"],
        vendor=entry["vendor"],
        product_type=entry.get("type", collection),
        tags=list(entry["tags"]),
        description=f"<p>{entry['text']}</p>",
        variants=_variants(entry, handle, world.new_id, rng),
        created_at=created_at,
        updated_at=created_at,
        picture_svg=to_svg(pictures.draw(entry["motif"], handle, entry["colours"], entry.get("look"))),
        option_name=entry.get("option", "Title"),
        status=entry.get("status", "active"),
    )


def _variants(
    entry: dict[str, Any], handle: str, new_id: Callable[[], int], rng: random.Random
) -> list[Variant]:
    titles = entry.get("variants", ["Default Title"])
    was = entry.get("was", [None] * len(titles))
    letters = "".join(part[0] for part in handle.split("-")).upper()
    return [
        Variant(
            new_id(),
            title,
            price,
            f"{letters}-{rng.randrange(1000, 9999)}",
            compare_at,
            _stock(entry, position, rng),
        )
        for position, (title, price, compare_at) in enumerate(zip(titles, entry["price"], was, strict=True))
    ]


def _stock(entry: dict[str, Any], position: int, rng: random.Random) -> int | None:
    """Given, or drawn; now and then a later size or colour has run out. -1 says that it is not counted."""
    if "stock" in entry:
        return None if entry["stock"] < 0 else int(entry["stock"])
    is_out = position > 0 and rng.random() < 0.07
    return 0 if is_out else rng.randrange(9, 160)
