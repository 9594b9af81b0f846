"""Drawn motifs of garden, gifts and odds and ends; each is a pure function of a palette and a variation."""

from __future__ import annotations

from app.demo.drawing import (
    Drawing,
    Shape,
    box,
    curve,
    ellipse,
    leaf,
    line,
    mix,
    polygon,
    turned,
    vessel,
)
from app.demo.motifs_table import (
    BLACK,
    CREAM,
    DARK_STEEL,
    DARK_WOOD,
    GLASS,
    HONEY,
    KRAFT,
    LEAF,
    PAPER,
    STEEL,
    WHITE,
    WOOD,
    Palette,
)


def _pot(colour: str) -> Drawing:
    return (
        Shape(vessel(200, 246, 336, 60, 46, bottom_radius=10), colour),
        Shape(box(132, 228, 136, 30, 6), mix(colour, WHITE, 0.16)),
        Shape(box(152, 264, 9, 60, 4), WHITE, opacity=0.3),
    )


def plant(p: Palette, variation: int) -> Drawing:
    green, pale = mix(LEAF, p.accent, 0.25), mix(LEAF, WHITE, 0.3)
    fans = (
        [(200, 238, 150, 56, a, green if a % 4 else pale) for a in (-58, -34, -8, 20, 46, 66)],
        [(200, 240, 168, 24, a, green if a % 3 else pale) for a in (-30, -18, -6, 6, 19, 31)],
        [
            (200 + a, 236 - abs(a) * 0.2, 62, 34, a * 1.3, green if a % 3 else pale)
            for a in range(-48, 49, 12)
        ],
    )[variation % 3]
    crown = [Shape(leaf(196 + a / 3, 176, 56, 32, a), mix(green, WHITE, 0.12)) for a in (-70, -35, 0, 35, 70)]
    return (
        *(Shape(leaf(x, y, length, width, a), colour) for x, y, length, width, a, colour in fans),
        *(crown if variation % 3 == 2 else ()),
        *_pot(p.main),
    )


def planter(p: Palette, variation: int) -> Drawing:
    return (
        Shape(ellipse(200, 326, 108, 15), p.dark),
        Shape(vessel(200, 150, 326, 98, 74, bottom_radius=16), p.main),
        Shape(vessel(200, 132, 172, 106, 102, bottom_radius=4), p.light),
        Shape(ellipse(200, 134, 106, 19), p.dark),
        Shape(ellipse(200, 138, 92, 13), "#4b3526"),
        *(
            Shape(line((112 + i * 22, 232), (122 + i * 22, 256), (134 + i * 22, 232)), p.accent, 5)
            for i in range(8 if variation % 2 else 0)
        ),
        Shape(box(124, 186, 12, 110, 6), WHITE, opacity=0.28),
    )


def watering_can(p: Palette, variation: int) -> Drawing:
    return (
        Shape(curve((262, 190), (356, 150, 352, 330, 264, 312)), p.dark, 15),
        Shape(polygon((140, 262), (148, 300), (66, 190), (82, 180)), p.dark),
        Shape(polygon((46, 186), (88, 150), (98, 166), (62, 204)), p.accent),
        Shape(vessel(208, 188, 334, 66, 78, bottom_radius=12), p.main),
        Shape(curve((150, 188), (160, 120, 256, 120, 266, 188)), p.dark, 11),
        Shape(ellipse(208, 188, 66, 13), p.light),
        Shape(box(148, 214, 11, 96, 5), WHITE, opacity=0.32),
        *((Shape(box(134, 262, 148, 12), p.accent),) if variation % 2 else ()),
    )


def trowel(p: Palette, variation: int) -> Drawing:
    fork = tuple(Shape(line((270 + dx, 226), (270 + dx, 316)), DARK_STEEL, 9) for dx in (-24, 0, 24))
    return (
        Shape(box(134, 64, 32, 108, 14), p.main),
        Shape(line((150, 168), (150, 214)), DARK_STEEL, 11),
        Shape(
            curve((112, 210), (112, 280, 134, 322, 150, 336), (166, 322, 188, 280, 188, 210), closed=True),
            STEEL,
        ),
        Shape(line((150, 226), (150, 306)), WHITE, 6, 0.6),
        Shape(box(254, 64, 32, 108, 14), p.main if variation % 2 else WOOD),
        Shape(line((270, 168), (270, 226)), DARK_STEEL, 11),
        Shape(line((246, 226), (294, 226)), DARK_STEEL, 11),
        *fork,
    )


def seeds(p: Palette, variation: int) -> Drawing:
    petals = [Shape(leaf(200, 210, 52, 30, a), p.main) for a in range(0, 360, 60 if variation % 2 else 45)]
    return (
        Shape(box(116, 74, 168, 262, 8), PAPER),
        Shape(box(116, 74, 168, 44, 8), p.dark),
        Shape(box(136, 90, 128, 11, 4), CREAM),
        Shape(line((200, 212), (200, 306)), LEAF, 7),
        Shape(leaf(200, 296, 54, 24, 52), LEAF),
        Shape(leaf(200, 284, 50, 22, -52), LEAF),
        *petals,
        Shape(ellipse(200, 210, 16), p.accent),
    )


def basket(p: Palette, variation: int) -> Drawing:
    weave = [
        Shape(
            line(
                (104 + row % 2 * 10 + i * 26, 206 + row * 26), (118 + row % 2 * 10 + i * 26, 206 + row * 26)
            ),
            DARK_WOOD,
            7,
            0.5,
        )
        for row in range(5)
        for i in range(7)
    ]
    return (
        Shape(curve((124, 190), (136, 66, 264, 66, 276, 190)), DARK_WOOD, 14),
        Shape(vessel(200, 182, 334, 112, 88, bottom_radius=24), mix(p.main, KRAFT, 0.55)),
        *weave,
        Shape(box(84, 168, 232, 30, 12), p.accent if variation % 2 else DARK_WOOD),
    )


def gift(p: Palette, variation: int) -> Drawing:
    return (
        Shape(box(104, 186, 192, 148, 6), p.main),
        Shape(box(92, 146, 216, 50, 6), p.light),
        Shape(box(182, 146, 36, 188), p.accent),
        Shape(leaf(200, 150, 88, 46, -58), p.accent),
        Shape(leaf(200, 150, 88, 46, 58), p.accent),
        Shape(ellipse(200, 146, 16), mix(p.accent, BLACK, 0.2)),
        *(
            Shape(ellipse(126 + i % 2 * 24 + i // 4 * 108, 226 + i % 4 * 26, 5), p.light)
            for i in range(8 if variation % 2 else 0)
        ),
    )


def gift_card(p: Palette, variation: int) -> Drawing:
    return (
        Shape(box(62, 148, 276, 172, 16), p.dark, opacity=0.35),
        Shape(box(62, 138, 276, 172, 16), p.main),
        Shape(box(62, 216, 276, 22), p.accent),
        Shape(box(250, 138, 22, 172), p.accent),
        Shape(leaf(261, 226, 62, 30, -50 - variation), p.light),
        Shape(leaf(261, 226, 62, 30, 50), p.light),
        Shape(box(86, 166, 108, 12, 6), CREAM),
        Shape(box(86, 190, 66, 9, 4), CREAM, opacity=0.7),
    )


def bauble(p: Palette, variation: int) -> Drawing:
    return (
        Shape(line((200, 60), (200, 112)), DARK_WOOD, 4),
        Shape(ellipse(200, 226, 104), p.main),
        Shape(box(182, 104, 36, 30, 5), HONEY),
        *(
            Shape(curve((102, y), (150, y + 24, 250, y + 24, 298, y)), p.accent, 9)
            for y in ((210, 244) if variation % 2 else (226,))
        ),
        *(Shape(ellipse(130 + i * 35, 184 - (i % 2) * 10, 6), CREAM) for i in range(5)),
        Shape(curve((128, 192), (136, 158, 160, 142, 182, 140)), WHITE, 11, 0.45),
    )


def bag(p: Palette, variation: int) -> Drawing:
    return (
        Shape(curve((152, 176), (146, 62, 254, 62, 248, 176)), p.dark, 13),
        Shape(vessel(200, 156, 336, 98, 110, bottom_radius=16), p.main),
        Shape(box(104, 156, 192, 22), p.dark, opacity=0.4),
        *(
            Shape(ellipse(140 + i % 4 * 40, 216 + i // 4 * 42, 11), p.accent)
            for i in range(12 if variation % 2 else 0)
        ),
        *(
            (Shape(leaf(200, 300, 92, 54, 12), p.accent), Shape(line((200, 306), (214, 222)), p.dark, 4))
            if variation % 2 == 0
            else ()
        ),
    )


def frame(p: Palette, variation: int) -> Drawing:
    return (
        Shape(line((200, 52), (130, 96)), DARK_WOOD, 4),
        Shape(line((200, 52), (270, 96)), DARK_WOOD, 4),
        Shape(box(96, 92, 208, 236, 6), p.main),
        Shape(box(116, 112, 168, 196), CREAM),
        Shape(polygon((116, 308), (176, 214), (220, 264), (248, 228), (284, 308)), p.light),
        Shape(ellipse(238 if variation % 2 else 164, 164, 21), p.accent),
    )


def lights(p: Palette, variation: int) -> Drawing:
    bulbs = [(74, 158), (124, 206), (178, 230), (232, 226), (284, 196), (330, 146)]
    return (
        Shape(curve((44, 118), (110, 262, 290, 262, 356, 108)), DARK_STEEL, 6),
        *(Shape(ellipse(x, y + 34, 44), HONEY, opacity=0.14) for x, y in bulbs),
        *(Shape(box(x - 8, y - 6, 16, 20, 3), BLACK) for x, y in bulbs),
        *(
            Shape(ellipse(x, y + 34, 18, 24), p.accent if i % 2 == variation % 2 else p.main)
            for i, (x, y) in enumerate(bulbs)
        ),
        *(Shape(ellipse(x - 6, y + 26, 4, 7), WHITE, opacity=0.6) for x, y in bulbs),
    )


VASE = (
    "M 176 190 C 176 226 122 236 122 286 C 122 334 160 336 200 336"
    " C 240 336 278 334 278 286 C 278 236 224 226 224 190 Z"
)


def vase(p: Palette, variation: int) -> Drawing:
    stems = [(-26, 150), (4, 172), (30, 144)]
    return (
        *(Shape(line((200, 200), turned(200, 210, length, 0, a)), LEAF, 5) for a, length in stems),
        *(Shape(leaf(*turned(200, 210, length * 0.55, 0, a), 44, 20, a + 40), LEAF) for a, length in stems),
        *(
            Shape(leaf(*turned(200, 210, length, 0, a), 30, 20, turn), p.accent)
            for a, length in stems
            for turn in range(0, 360, 72)
        ),
        *(Shape(ellipse(*turned(200, 210, length, 0, a), 10), HONEY) for a, length in stems),
        Shape(VASE, p.main),
        Shape(ellipse(200, 190, 24, 6), p.dark),
        *((Shape(curve((124, 280), (170, 300, 230, 300, 276, 280)), p.light, 10),) if variation % 2 else ()),
        Shape(curve((150, 256), (138, 272, 136, 296, 144, 312)), WHITE, 9, 0.35),
    )


def glassware(p: Palette, variation: int) -> Drawing:
    return (
        Shape(
            curve((126, 96), (126, 176, 160, 206, 200, 206), (240, 206, 274, 176, 274, 96), closed=True),
            GLASS,
        ),
        Shape(
            curve((132, 140), (142, 182, 168, 200, 200, 200), (232, 200, 258, 182, 268, 140), closed=True),
            p.main,
            opacity=0.8,
        ),
        Shape(line((200, 206), (200, 318)), STEEL, 9),
        Shape(ellipse(200, 326, 62, 10), STEEL),
        Shape(ellipse(200, 96, 74, 11), WHITE, opacity=0.8),
        Shape(curve((146, 116), (148, 146, 156, 166, 168, 178)), WHITE, 8, 0.6 if variation % 2 else 0.4),
    )
