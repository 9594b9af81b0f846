"""Drawn motifs of pantry, bath, linen and desk; each is a pure function of a palette and a variation."""

from __future__ import annotations

from app.demo.drawing import (
    Drawing,
    Shape,
    bar,
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
    DARK_WOOD,
    HONEY,
    KRAFT,
    PAPER,
    WHITE,
    WOOD,
    Palette,
)

BOTTLE = (
    "M 182 96 C 182 146 138 136 138 190 L 138 312 C 138 334 146 334 160 334"
    " L 240 334 C 254 334 262 334 262 312 L 262 190 C 262 136 218 146 218 96 Z"
)

BIB = (
    "M 158 100 L 242 100 C 246 150 262 180 292 194 L 300 338 L 100 338 L 108 194 C 138 180 154 150 158 100 Z"
)


def bottle(p: Palette, variation: int) -> Drawing:
    top = (
        (Shape(box(182, 62, 36, 34, 5), p.dark),)
        if variation % 2
        else (
            Shape(line((200, 92), (200, 62), (160, 62), (154, 74)), BLACK, 12),
            Shape(box(180, 84, 40, 22, 5), BLACK),
        )
    )
    return (
        *top,
        Shape(BOTTLE, p.main),
        Shape(box(138, 212, 124, 84), CREAM),
        Shape(leaf(176, 274, 46, 18, 32), p.accent),
        Shape(box(204, 236, 42, 7, 3), p.dark),
        Shape(box(204, 254, 30, 6, 3), p.dark, opacity=0.6),
        Shape(box(148, 180, 10, 140, 5), WHITE, opacity=0.35),
    )


def jar(p: Palette, variation: int) -> Drawing:
    return (
        Shape(vessel(200, 138, 334, 84, 84, bottom_radius=26, top_radius=26), p.main),
        Shape(box(128, 166, 12, 140, 6), WHITE, opacity=0.45),
        Shape(box(120, 96, 160, 50, 10), p.accent if variation % 2 else WOOD),
        Shape(box(120, 128, 160, 8), BLACK, opacity=0.12),
        Shape(box(140, 198, 120, 90, 10), CREAM),
        Shape(ellipse(200, 230, 17), p.main),
        Shape(box(164, 258, 72, 7, 3), p.dark),
        Shape(box(178, 272, 44, 5, 2), p.dark, opacity=0.5),
    )


def packet(p: Palette, variation: int) -> Drawing:
    window = box(152, 158, 96, 84, 42) if variation % 2 else box(150, 160, 100, 80, 8)
    return (
        Shape(polygon((118, 96), (250, 96), (250, 334), (118, 334)), p.main),
        Shape(polygon((250, 96), (284, 116), (284, 322), (250, 334)), p.dark),
        Shape(polygon((118, 96), (152, 80), (284, 116), (250, 96)), p.light),
        Shape(window, CREAM),
        *(Shape(line((168 + i * 15, 224), (176 + i * 15, 176)), HONEY, 6) for i in range(4)),
        Shape(box(138, 266, 92, 10, 4), CREAM),
        Shape(box(138, 286, 62, 8, 4), CREAM, opacity=0.7),
    )


def chocolate(p: Palette, variation: int) -> Drawing:
    brown = "#5a3524" if variation % 2 else "#3d2217"
    squares = [(132 + column * 47, 78 + row * 42) for row in range(3) for column in range(3)]
    return (
        Shape(box(124, 70, 152, 150, 8), brown),
        *(Shape(box(x, y, 40, 35, 4), mix(brown, WHITE, 0.13)) for x, y in squares),
        Shape(
            polygon(
                (116, 186),
                (140, 174),
                (164, 188),
                (190, 174),
                (214, 188),
                (240, 174),
                (284, 188),
                (284, 334),
                (116, 334),
            ),
            p.main,
        ),
        Shape(box(140, 226, 120, 76, 6), CREAM),
        Shape(box(156, 246, 88, 10, 4), p.dark),
        Shape(box(170, 268, 60, 7, 3), p.accent),
    )


def candle(p: Palette, variation: int) -> Drawing:
    if variation % 3 == 2:
        return tuple(
            shape for cx, top in ((138, 190), (200, 128), (262, 162)) for shape in _pillar(p, cx, top)
        )
    return (
        Shape(ellipse(200, 108, 40, 52), HONEY, opacity=0.22),
        Shape(vessel(200, 176, 334, 84, 80, bottom_radius=20), p.main),
        Shape(ellipse(200, 176, 84, 17), p.light),
        Shape(ellipse(200, 178, 70, 12), CREAM),
        Shape(line((200, 178), (200, 146)), BLACK, 5),
        Shape(leaf(200, 156, 62, 30, 0), HONEY),
        Shape(leaf(200, 152, 34, 16, 0), "#fff3c4"),
        Shape(box(150, 228, 100, 68, 8), CREAM),
        Shape(box(166, 248, 68, 7, 3), p.dark),
        Shape(box(176, 266, 48, 6, 3), p.accent),
        Shape(box(126, 200, 10, 110, 5), WHITE, opacity=0.35),
    )


def _pillar(p: Palette, cx: float, top: float) -> Drawing:
    return (
        Shape(box(cx - 26, top, 52, 334 - top, 6), p.main),
        Shape(ellipse(cx, top + 4, 26, 7), p.light),
        Shape(line((cx, top + 2), (cx, top - 14)), BLACK, 4),
        Shape(leaf(cx, top - 8, 42, 20, 0), HONEY),
        Shape(box(cx - 18, top + 22, 7, 90, 3), WHITE, opacity=0.35),
    )


def diffuser(p: Palette, variation: int) -> Drawing:
    return (
        *(
            Shape(line((200, 210), (200 + dx, 58 + abs(dx) * 0.25)), DARK_WOOD, 6)
            for dx in (-74, -38, -4, 34, 72)
        ),
        Shape(box(176, 186, 48, 40, 6), p.dark),
        Shape(vessel(200, 214, 334, 60, 74, bottom_radius=18, top_radius=16), p.main, opacity=0.92),
        Shape(box(152, 252, 96, 54, 6), CREAM),
        Shape(box(168, 268, 64, 7, 3), p.dark),
        Shape(box(178, 284, 44, 6, 3), p.accent if variation % 2 else p.main),
    )


def matches(p: Palette, variation: int) -> Drawing:
    return (
        *(
            Shape(line((150 + i * 24, 220), (138 + i * 28, 116 + (i % 2) * 14)), mix(WOOD, WHITE, 0.4), 8)
            for i in range(5)
        ),
        *(Shape(ellipse(138 + i * 28, 112 + (i % 2) * 14, 9, 12), p.accent) for i in range(5)),
        Shape(box(112, 196, 176, 138, 6), p.main),
        Shape(box(112, 302, 176, 32, 4), p.dark),
        Shape(ellipse(200, 250, 36), CREAM),
        Shape(leaf(200, 274, 50, 26, 0 if variation % 2 else 14), p.accent),
    )


def soap(p: Palette, variation: int) -> Drawing:
    flecks = [(150, 232), (186, 216), (238, 236), (262, 218), (172, 252)] if variation % 2 else []
    return (
        Shape(box(100, 282, 200, 22, 10), WOOD),
        *(Shape(box(112 + i * 44, 300, 16, 32, 5), DARK_WOOD) for i in (0, 2, 4)),
        Shape(box(110, 196, 180, 94, 30), p.dark),
        Shape(box(110, 188, 180, 88, 30), p.main),
        Shape(box(144, 212, 112, 42, 20), p.light),
        Shape(box(164, 228, 72, 8, 4), p.dark),
        *(Shape(ellipse(x, y, 4, 3), p.accent) for x, y in flecks),
        *(
            Shape(ellipse(x, y, r), WHITE, opacity=0.75)
            for x, y, r in ((262, 170, 15), (238, 150, 9), (280, 140, 7))
        ),
    )


def brush(p: Palette, variation: int) -> Drawing:
    bristles = [Shape(line((116 + i * 12, 232), (112 + i * 12.6, 300)), KRAFT, 7) for i in range(13)]
    handle = Shape(bar(262, 206, 120, 12, 52), p.main if variation % 2 else WOOD)
    return (
        handle,
        *bristles,
        Shape(box(104, 184, 176, 58, 26), p.main if variation % 2 else WOOD),
        Shape(box(122, 196, 128, 10, 5), WHITE, opacity=0.3),
        *(Shape(ellipse(128 + i * 22, 222, 3), DARK_WOOD) for i in range(7)),
    )


def towel(p: Palette, variation: int) -> Drawing:
    folds = ((p.main, 250), (p.light, 186), (p.main if variation % 2 else p.accent, 122))
    shapes: list[Shape] = []
    for colour, y in folds:
        shapes += [
            Shape(box(92, y, 216, 78, 34), colour),
            Shape(curve((126, y + 54), (190, y + 60, 250, y + 60, 296, y + 52)), BLACK, 4, 0.14),
            *(
                Shape(box(x, y + 2, 8, 74), WHITE, opacity=0.5)
                for x in ((246, 262) if variation < 2 else (150,))
            ),
        ]
    return tuple(shapes)


def cushion(p: Palette, variation: int) -> Drawing:
    body = curve(
        (92, 132),
        (150, 148, 250, 148, 308, 132),
        (294, 190, 294, 268, 308, 326),
        (250, 310, 150, 310, 92, 326),
        (106, 268, 106, 190, 92, 132),
        closed=True,
    )
    lines = [Shape(line((x, 152), (x, 306)), p.accent, 7, 0.8) for x in (140, 170, 200, 230, 260)]
    dots = [Shape(ellipse(142 + i % 4 * 38, 186 + i // 4 * 42, 8), p.accent) for i in range(12)]
    return (
        Shape(body, p.main),
        *(lines if variation % 2 else dots),
        Shape(curve((112, 158), (118, 210, 118, 250, 112, 300)), WHITE, 8, 0.3),
    )


def apron(p: Palette, variation: int) -> Drawing:
    return (
        Shape(curve((164, 104), (158, 40, 242, 40, 236, 104)), p.dark, 9),
        Shape(line((112, 198), (66, 226)), p.dark, 9),
        Shape(line((288, 198), (334, 226)), p.dark, 9),
        Shape(BIB, p.main),
        *(
            Shape(line((x, 210), (x, 334)), p.light, 5, 0.7)
            for x in ((124, 148, 252, 276) if variation % 2 else ())
        ),
        Shape(box(154, 226, 92, 66, 8), p.dark, opacity=0.5),
        Shape(line((158, 244), (242, 244)), p.accent, 5),
    )


def notebook(p: Palette, variation: int) -> Drawing:
    return (
        Shape(box(124, 84, 172, 250, 8), PAPER),
        Shape(box(112, 78, 172, 250, 8), p.main),
        Shape(box(112, 78, 28, 250, 8), p.dark),
        Shape(box(250, 78, 10, 250), p.accent),
        Shape(box(160, 126, 70, 52, 4), CREAM) if variation % 2 else Shape(ellipse(196, 160, 32), p.light),
        *(
            Shape(box(170, 140 + i * 14, 50, 5, 2), p.dark, opacity=0.6)
            for i in range(2 if variation % 2 else 0)
        ),
    )


def pens(p: Palette, variation: int) -> Drawing:
    def one(x: float, angle: float, colour: str) -> Drawing:
        tip = turned(x, 320, 222, 0, angle)
        return (
            Shape(bar(x, 320, 192, 11, angle), colour),
            Shape(
                polygon(turned(x, 320, 192, -11, angle), turned(x, 320, 192, 11, angle), tip),
                mix(WOOD, WHITE, 0.45),
            ),
            Shape(polygon(turned(x, 320, 212, -4, angle), turned(x, 320, 212, 4, angle), tip), BLACK),
            Shape(bar(x, 320, 22, 11, angle), p.accent),
        )

    spread = ((150, -16), (182, -5), (218, 6), (250, 17)) if variation % 2 else ((172, -9), (226, 9))
    colours = (p.main, p.dark, p.light, p.main)
    return tuple(s for (x, a), colour in zip(spread, colours, strict=False) for s in one(x, a, colour))


def cards(p: Palette, variation: int) -> Drawing:
    return (
        Shape(box(112, 82, 176, 200, 6), CREAM),
        *(Shape(leaf(200, 214, 76, 30, a), p.main if a % 2 else p.accent) for a in (-55, -20, 15, 50)),
        Shape(line((200, 236), (200, 180)), p.dark, 5),
        Shape(box(78, 190, 244, 146, 8), p.pale if variation % 2 else KRAFT),
        Shape(
            polygon((80, 196), (200, 276), (320, 196)), p.light if variation % 2 else mix(KRAFT, WHITE, 0.3)
        ),
        Shape(ellipse(200, 268, 17), p.main),
    )
