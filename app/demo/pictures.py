"""Gives every product its picture, as SVG or PNG: which motif, in which colours; it stores only a cache."""

from __future__ import annotations

import inspect
import re
import zlib
from collections.abc import Callable
from functools import lru_cache

from app.demo import motifs_garden, motifs_home, motifs_table, motifs_tools
from app.demo.drawing import CANVAS, Drawing, Shape, box, ellipse, from_svg, mix, to_svg
from app.demo.motifs_table import BLACK, WHITE, Palette
from app.demo.raster import to_png

Motif = Callable[[Palette, int], Drawing]

MOTIFS: dict[str, Motif] = {
    name: motif
    for module in (motifs_table, motifs_home, motifs_garden, motifs_tools)
    for name, motif in inspect.getmembers(module, inspect.isfunction)
    if motif.__module__ == module.__name__ and not name.startswith("_")
}

COLOURS: dict[str, str] = {
    "sage": "#8fa888", "olive": "#7d8450", "forest": "#3f6450", "mint": "#a9d0bb", "teal": "#3f8588",
    "sky": "#8fb8d4", "denim": "#4f7196", "navy": "#2f4662", "lavender": "#a99bc9", "plum": "#7a4a68",
    "rose": "#d99a9f", "coral": "#e58368", "brick": "#b4543d", "terracotta": "#c8714a", "rust": "#a5562e",
    "mustard": "#d9a441", "honey": "#e3b04b", "lemon": "#eed26c", "sand": "#d8c3a0", "oat": "#e4d6bd",
    "cocoa": "#7b5440", "espresso": "#4e3629", "charcoal": "#454a4f", "slate": "#707d87", "stone": "#a8a79d",
    "chalk": "#eeeae0", "cherry": "#b33f4a", "fig": "#5d4257",
}  # fmt: skip

# Word in a title → motif, first match wins; for histories that bring titles but no pictures.
TITLE_WORDS: tuple[tuple[str, str], ...] = (
    (r"cake ?stand", "plate"),
    (r"\bt(ea)?[ -]?lights?\b|candle|wax|votive", "candle"),
    (r"light|lantern|lamp", "lights"),
    (r"bag|shopper|tote|purse|backpack|satchel", "bag"),
    (r"tea ?pot", "teapot"),
    (r"cup|saucer|espresso", "cup"),
    (r"mug|beaker", "mug"),
    (r"plate|tray|coaster|placemat", "plate"),
    (r"bowl|dish", "bowl"),
    (r"jar|jam|honey", "jar"),
    (r"bottle|soap dispenser|lotion|oil", "bottle"),
    (r"glass|goblet|wine", "glassware"),
    (r"tin|caddy|canister", "tin"),
    (r"notebook|book|diary|journal|album", "notebook"),
    (r"pen|pencil|crayon|chalk", "pens"),
    (r"card|envelope|tag|wrap|paper", "cards"),
    (r"soap|bath", "soap"),
    (r"brush|sponge", "brush"),
    (r"towel|blanket|throw|rug|cloth|scarf", "towel"),
    (r"cushion|pillow", "cushion"),
    (r"glove|mitten", "gloves"),
    (r"apron", "apron"),
    (r"plant|herb|tree|fern", "plant"),
    (r"planter|\bpot\b|bucket", "planter"),
    (r"watering", "watering_can"),
    (r"garden|trowel|spade", "trowel"),
    (r"flower|seed|rose|daisy", "seeds"),
    (r"basket|hamper", "basket"),
    (r"gift ?card|voucher", "gift_card"),
    (r"christmas|bauble|decoration|ornament|garland|heart|star", "bauble"),
    (r"frame|sign|mirror|wall|clock|plaque|hook", "frame"),
    (r"vase", "vase"),
    (r"knife|cutlery", "knife"),
    (r"spoon|whisk|spatula|ladle", "utensils"),
    (r"board", "board"),
    (r"\bpan\b|baking|cake", "pan"),
    (r"chocolate|sweet", "chocolate"),
    (r"coffee", "coffee_bag"),
    (r"box|set|kit", "packet"),
)


_TITLE_PATTERNS = tuple((re.compile(word), motif) for word, motif in TITLE_WORDS)

# The parts of every picture that do not depend on the product.
_GROUND, _LIGHT, _SHADOW = box(0, 0, CANVAS, CANVAS), ellipse(200, 214, 172), ellipse(200, 336, 132, 15)


def _hash(text: str) -> int:
    return zlib.crc32(text.encode())


def motif_for(title: str) -> str:
    """The motif a title suggests; a wrapped present when it suggests none."""
    folded = title.casefold()
    return next((motif for word, motif in _TITLE_PATTERNS if word.search(folded)), "gift")


def palette_for(key: str, colours: str = "") -> Palette:
    """The named colours ("sage mustard"), or two that the key's hash picks and that differ."""
    named = colours.split()
    names = sorted(COLOURS)
    if not named:
        named = [names[_hash(key) % len(names)]]
    if len(named) == 1:
        others = [name for name in names if name != named[0]]
        named.append(others[_hash(key + "accent") % len(others)])
    return Palette(COLOURS[named[0]], COLOURS[named[1]])


def draw(motif: str, key: str, colours: str = "", look: int | None = None) -> Drawing:
    """The whole picture: tinted ground, soft shadow, motif; the same for the same arguments, always."""
    palette = palette_for(key, colours)
    ground = mix(mix(palette.accent, palette.main, 0.4), WHITE, 0.82)
    return (
        Shape(_GROUND, ground),
        Shape(_LIGHT, mix(ground, WHITE, 0.5)),
        Shape(_SHADOW, mix(ground, BLACK, 0.35), opacity=0.45),
        *MOTIFS[motif](palette, _hash(key) % 4 if look is None else look),
    )


def svg_for_title(title: str, motif: str | None = None) -> str:
    """A picture for a product that brought none: its title picks the motif and, by hash, the colours."""
    return to_svg(draw(motif or motif_for(title), title))


# 256 pictures of 480 px are about 4 MB: flat colours compress well.
@lru_cache(maxsize=256)
def png(svg: str, side_pixels: int = 480) -> bytes:
    """One of our own pictures as PNG."""
    return to_png(from_svg(svg), side_pixels)
