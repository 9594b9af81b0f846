"""The built-in catalogue: what it promises about products, pictures and planted sets."""

from __future__ import annotations

import random
import struct
import zlib
from datetime import UTC, datetime

import numpy as np
import pytest

from app.demo import pictures
from app.demo.catalogue import empty_world, handle_of, read_habits, shelves
from app.demo.drawing import from_svg, to_svg
from app.demo.raster import to_png
from app.demo.world import FIRST_ID, World

END = datetime(2026, 11, 21, 18, tzinfo=UTC)


@pytest.fixture(scope="module")
def world() -> World:
    return empty_world(END, 548, random.Random(7))


def test_there_are_enough_products_in_enough_collections(world: World) -> None:
    assert len(world.products) >= 120
    assert len(shelves()) >= 8
    assert {p.product_type for p in world.products.values()} - {s.title for s in shelves()} == {"Gift Card"}


def test_handles_ids_and_variants_are_unique_and_ids_are_beyond_what_a_float_holds(world: World) -> None:
    products = list(world.products.values())
    variants = [v.id for p in products for v in p.variants]
    assert len({p.handle for p in products}) == len(products)
    assert len(set(variants) | set(world.products)) == len(variants) + len(products)
    assert min(world.products) >= FIRST_ID


def test_every_price_is_positive_and_a_former_price_is_higher(world: World) -> None:
    variants = [v for p in world.products.values() for v in p.variants]
    assert min(v.price for v in variants) > 0
    reduced = [v for v in variants if v.compare_at_price is not None]
    assert len(reduced) >= 3
    assert all(v.compare_at_price is not None and v.compare_at_price > v.price for v in reduced)


def test_some_are_sold_out_one_is_a_draft_and_the_gift_card_is_not_counted(world: World) -> None:
    products = list(world.products.values())
    assert sum(all(v.n_available == 0 for v in p.variants) for p in products) >= 3
    assert [p.handle for p in products if p.status == "draft"] == ["spring-tasting-hamper"]
    assert [p.handle for p in products if p.status == "archived"] == ["ceramic-egg-cups"]
    cards = [p for p in products if p.product_type == "Gift Card"]
    assert [v.n_available for v in cards[0].variants] == [None, None, None]


def test_a_planted_set_names_known_products_once_and_begins_with_what_is_re_bought(world: World) -> None:
    habits = read_habits()
    members = [member for group in habits.together for member in group]
    assert len(set(members)) == len(members) >= 40
    assert set(members) <= set(habits.popularity)
    assert {m for m in members if m in habits.rebuy_days} <= {group[0] for group in habits.together}
    assert all(2 <= len(companions) <= 3 for companions in world.planted_companions.values())


def test_every_motif_draws_in_every_look_inside_its_canvas() -> None:
    for motif in pictures.MOTIFS:
        for look in range(4):
            drawing = pictures.draw(motif, "key", "sage brick", look)
            assert from_svg(to_svg(drawing)) == drawing


def test_a_png_has_the_asked_size_and_the_colours_of_its_svg() -> None:
    drawing = pictures.draw("mug", "everyday-mug", "denim mustard", 0)
    pixels = _decode(to_png(drawing, 100))
    assert pixels.shape == (100, 100, 3)
    # The mug's body left of its handle and above its band is denim (#4f7196).
    assert pixels[42, 60].tolist() == [0x4F, 0x71, 0x96]


def test_a_half_covered_pixel_gets_half_the_colour() -> None:
    square = from_svg('<svg><path d="M 0 0 L 6 0 L 6 400 L 0 400 Z" fill="#000000"/></svg>')
    pixels = _decode(to_png(square, 100))
    assert pixels[50, :3, 0].tolist() == [0, 128, 255]


def test_a_product_without_a_picture_gets_one_from_its_title() -> None:
    assert pictures.motif_for("SAVE THE PLANET MUG") == "mug"
    assert pictures.motif_for("JUMBO BAG RED RETROSPOT") == "bag"
    assert pictures.motif_for("WHITE HANGING HEART T-LIGHT HOLDER") == "candle"
    assert pictures.motif_for("POPPY'S PLAYHOUSE") == "gift"
    assert pictures.svg_for_title("RED MUG") == pictures.svg_for_title("RED MUG")
    assert pictures.svg_for_title("RED MUG") != pictures.svg_for_title("BLUE MUG")


@pytest.mark.parametrize(
    ("title", "handle"),
    [("Chef's Knife 20 cm", "chefs-knife-20-cm"), ("  Café — Crème ", "cafe-creme"), ("漢字", "")],
)
def test_a_handle_is_plain_small_letters(title: str, handle: str) -> None:
    assert handle_of(title) == handle


def _decode(png: bytes) -> np.ndarray:
    """A reader of its own for PNGs that use filter 1 (Sub) only."""
    at, body, size = 8, b"", (0, 0)
    while at < len(png):
        length, name = struct.unpack(">I4s", png[at : at + 8])
        content = png[at + 8 : at + 8 + length]
        assert zlib.crc32(name + content) == struct.unpack(">I", png[at + 8 + length : at + 12 + length])[0]
        size = struct.unpack(">II", content[:8]) if name == b"IHDR" else size
        body += content if name == b"IDAT" else b""
        at += 12 + length
    rows = np.frombuffer(zlib.decompress(body), np.uint8).reshape(size[1], 1 + size[0] * 3)
    assert set(rows[:, 0]) == {1}
    return rows[:, 1:].reshape(size[1], size[0], 3).astype(np.uint32).cumsum(1).astype(np.uint8)
