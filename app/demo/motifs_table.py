"""Drawn motifs of the table and the kitchen; each is a pure function of a palette and a variation number."""

from __future__ import annotations

from dataclasses import dataclass

from app.demo.drawing import Drawing, Shape, bar, box, curve, ellipse, leaf, line, mix, polygon, vessel

WHITE, BLACK = "#ffffff", "#1d1a16"
CREAM, PAPER, KRAFT = "#fbf6ea", "#f3ead8", "#c9a377"
WOOD, DARK_WOOD, STEEL, DARK_STEEL = "#c58f5c", "#9c6a3e", "#c9ced3", "#8b949c"
COFFEE, GLASS, LEAF, HONEY = "#4a2c1a", "#cfe4e8", "#5c8a52", "#e0a030"


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours one product is drawn in."""

    main: str
    accent: str

    @property
    def dark(self) -> str:
        return mix(self.main, BLACK, 0.28)

    @property
    def light(self) -> str:
        return mix(self.main, WHITE, 0.45)

    @property
    def pale(self) -> str:
        return mix(self.main, WHITE, 0.8)


def _glaze(p: Palette, variation: int, *, cx: float, top: float, bottom: float, half: float) -> Drawing:
    """The decoration of a cylinder: a band, dots, stripes or nothing."""
    middle = (top + bottom) / 2
    if variation == 0:
        return (Shape(box(cx - half, middle - 16, half * 2, 32), p.accent),)
    if variation == 1:
        spots = [(cx - half * 0.6 + i * half * 0.4, middle + (i % 2) * 34 - 17) for i in range(4)]
        return tuple(Shape(ellipse(x, y, 8), p.accent) for x, y in spots)
    if variation == 2:
        return tuple(Shape(box(cx - half, middle + i * 20 - 26, half * 2, 6), p.accent) for i in range(3))
    return ()


def mug(p: Palette, variation: int) -> Drawing:
    handle = curve((262, 180), (330, 170, 330, 270, 258, 268))
    return (
        Shape(handle, p.dark, 22),
        Shape(vessel(200, 140, 326, 78, 70, bottom_radius=22), p.main),
        *_glaze(p, variation, cx=200, top=156, bottom=318, half=74),
        Shape(box(140, 170, 14, 120, 7), WHITE, opacity=0.3),
        Shape(ellipse(200, 140, 78, 16), p.light),
        Shape(ellipse(200, 142, 66, 11), COFFEE),
    )


def cup(p: Palette, variation: int) -> Drawing:
    return (
        Shape(ellipse(200, 312, 128, 20), p.light),
        Shape(ellipse(200, 306, 92, 12), p.dark, opacity=0.35),
        Shape(curve((258, 212), (318, 200, 312, 268, 248, 262)), p.dark, 16),
        Shape(
            curve((128, 190), (130, 262, 152, 304, 200, 304), (248, 304, 270, 262, 272, 190), closed=True),
            p.main,
        ),
        Shape(ellipse(200, 190, 72, 15), p.light),
        Shape(ellipse(200, 192, 60, 10), COFFEE if variation % 2 == 0 else "#b9863d"),
        Shape(curve((150, 214), (154, 246, 162, 264, 174, 280)), WHITE, 10, 0.35),
        *(Shape(curve((x, 158), (x - 14, 140, x + 14, 128, x, 108)), p.dark, 5, 0.25) for x in (182, 216)),
    )


def teapot(p: Palette, variation: int) -> Drawing:
    spout = curve(
        (120, 268),
        (84, 250, 92, 196, 54, 176),
        (70, 168, 84, 166, 92, 170),
        (122, 196, 112, 220, 142, 224),
        closed=True,
    )
    return (
        Shape(curve((276, 200), (354, 176, 354, 296, 270, 288)), p.dark, 18),
        Shape(spout, p.dark),
        Shape(ellipse(200, 248, 100, 82), p.main),
        *(Shape(ellipse(200 + dx, 262, 10), p.accent) for dx in ((-50, 0, 50) if variation % 2 else ())),
        Shape(box(150, 322, 100, 12, 5), p.dark),
        Shape(curve((140, 184), (150, 148, 250, 148, 260, 184), closed=True), p.light),
        Shape(ellipse(200, 146, 14), p.accent),
        Shape(curve((122, 240), (126, 214, 140, 200, 154, 192)), WHITE, 10, 0.4),
    )


def tin(p: Palette, variation: int) -> Drawing:
    return (
        Shape(box(126, 130, 148, 204, 12), p.main),
        Shape(box(120, 106, 160, 40, 10), p.dark),
        Shape(box(134, 150, 16, 172, 8), WHITE, opacity=0.25),
        Shape(ellipse(200, 238, 54, 62) if variation % 2 else box(148, 184, 104, 112, 8), CREAM),
        Shape(leaf(200, 268, 60, 24, 18), p.accent),
        Shape(leaf(196, 270, 44, 20, -42), mix(p.accent, WHITE, 0.25)),
    )


def coffee_bag(p: Palette, variation: int) -> Drawing:
    bean = ellipse(200, 240, 20, 28)
    badge = (
        ellipse(200, 240, 56),
        box(146, 192, 108, 96, 10),
        polygon((200, 176), (262, 240), (200, 304), (138, 240)),
    )
    return (
        Shape(polygon((122, 118), (278, 118), (288, 334), (112, 334)), p.main),
        Shape(polygon((122, 118), (146, 118), (138, 334), (112, 334)), p.dark, opacity=0.45),
        Shape(polygon((254, 118), (278, 118), (288, 334), (262, 334)), p.dark, opacity=0.45),
        Shape(box(116, 92, 168, 34, 6), p.dark),
        Shape(box(116, 104, 168, 7), p.light, opacity=0.6),
        Shape(badge[variation % 3], CREAM),
        Shape(bean, COFFEE),
        Shape(curve((196, 216), (212, 230, 188, 248, 204, 264)), CREAM, 4),
        Shape(box(162, 312, 76, 7, 3), p.light),
    )


def dripper(p: Palette, variation: int) -> Drawing:
    return (
        Shape(curve((262, 262), (318, 258, 312, 322, 256, 318)), DARK_STEEL, 10),
        Shape(vessel(200, 232, 336, 56, 78, bottom_radius=20), GLASS),
        Shape(vessel(200, 284, 334, 68, 76, bottom_radius=20), COFFEE, opacity=0.85),
        Shape(box(150, 246, 10, 70, 5), WHITE, opacity=0.6),
        Shape(box(118, 214, 164, 16, 8), p.dark),
        Shape(polygon((112, 110), (288, 110), (228, 214), (172, 214)), p.main),
        *(Shape(line((x, 124), (200 + (x - 200) * 0.42, 206)), p.dark, 4, 0.5) for x in (148, 182, 218, 252)),
        Shape(ellipse(200, 110, 88, 15), p.light),
        Shape(ellipse(200, 111, 74, 10), PAPER if variation % 2 else COFFEE),
    )


def press(p: Palette, variation: int) -> Drawing:
    return (
        Shape(curve((256, 168), (330, 166, 330, 290, 256, 288)), p.main, 16),
        Shape(box(140, 140, 120, 192, 10), GLASS),
        Shape(box(146, 214, 108, 112, 8), COFFEE),
        Shape(box(146, 206, 108, 10), DARK_STEEL),
        Shape(box(196, 78, 8, 132), STEEL),
        Shape(box(130, 120, 140, 28, 10), p.main),
        Shape(ellipse(200, 76, 18, 15), p.dark),
        Shape(box(134, 248 if variation % 2 else 182, 132, 9), p.main),
        Shape(box(134, 322, 132, 14, 6), p.dark),
        Shape(box(154, 156, 10, 150, 5), WHITE, opacity=0.5),
    )


def grinder(p: Palette, variation: int) -> Drawing:
    return (
        Shape(line((200, 96), (288, 84)), DARK_STEEL, 10),
        Shape(ellipse(292, 76, 14, 18), DARK_WOOD),
        Shape(curve((146, 176), (146, 116, 254, 116, 254, 176), closed=True), STEEL),
        Shape(box(192, 92, 16, 40, 4), DARK_STEEL),
        Shape(vessel(200, 172, 334, 58, 68, bottom_radius=8), p.main if variation % 2 else WOOD),
        Shape(box(138, 172, 124, 12, 4), p.dark if variation % 2 else DARK_WOOD),
        Shape(box(156, 240, 88, 66, 6), p.dark if variation % 2 else DARK_WOOD),
        Shape(ellipse(200, 273, 9), STEEL),
        Shape(box(146, 196, 9, 120, 4), WHITE, opacity=0.3),
    )


def kettle(p: Palette, variation: int) -> Drawing:
    spout = curve((268, 306), (342, 300, 286, 190, 342, 164))
    return (
        Shape(spout, p.dark, 14),
        Shape(curve((140, 150), (50, 120, 40, 250, 116, 262)), DARK_WOOD if variation % 2 else BLACK, 16),
        Shape(vessel(200, 172, 334, 62, 94, bottom_radius=26, top_radius=12), p.main),
        Shape(curve((144, 172), (156, 138, 244, 138, 256, 172), closed=True), p.light),
        Shape(ellipse(200, 138, 13), DARK_WOOD if variation % 2 else BLACK),
        Shape(curve((126, 306), (130, 256, 142, 216, 152, 198)), WHITE, 12, 0.35),
    )


def filters(p: Palette, variation: int) -> Drawing:
    cones = [
        Shape(
            polygon(
                (104 + i * 12, 140 - i * 8),
                (284 + i * 12, 140 - i * 8),
                (212 + i * 12, 320),
                (172 + i * 12, 320),
            ),
            c,
        )
        for i, c in enumerate((KRAFT, mix(KRAFT, WHITE, 0.35), mix(KRAFT, WHITE, 0.6)))
    ]
    return (
        *cones,
        Shape(line((132, 132), (304, 132)), WHITE, 5, 0.7),
        Shape(line((294, 150), (230, 306)), p.dark, 3, 0.3),
        Shape(box(150, 196, 100, 56, 8), p.main),
        Shape(box(164, 212, 72, 7, 3), WHITE),
        Shape(box(164, 228, 46, 7, 3), WHITE, opacity=0.7),
    )


def plate(p: Palette, variation: int) -> Drawing:
    speckles = [
        (150, 160),
        (246, 150),
        (262, 238),
        (188, 268),
        (142, 232),
        (222, 190),
        (176, 196),
        (232, 262),
    ]
    return (
        Shape(ellipse(200, 214, 138), p.dark, opacity=0.35),
        Shape(ellipse(200, 206, 138), p.main),
        Shape(ellipse(200, 206, 128), p.light if variation % 2 else p.main),
        Shape(ellipse(200, 206, 92), p.dark, opacity=0.22),
        Shape(ellipse(200, 208, 90), p.light),
        *(Shape(ellipse(x, y, 3), p.dark, opacity=0.55) for x, y in (speckles if variation < 2 else ())),
        Shape(curve((96, 170), (112, 128, 146, 98, 190, 90)), WHITE, 8, 0.55),
    )


def bowl(p: Palette, variation: int) -> Drawing:
    inside = p.accent if variation % 2 else p.pale
    return (
        Shape(box(156, 312, 88, 22, 6), p.dark),
        Shape(
            curve((76, 190), (80, 282, 140, 322, 200, 322), (260, 322, 320, 282, 324, 190), closed=True),
            p.main,
        ),
        Shape(curve((100, 232), (110, 268, 132, 290, 158, 302)), WHITE, 10, 0.3),
        Shape(ellipse(200, 190, 124, 32), p.light),
        Shape(ellipse(200, 193, 108, 24), inside),
    )


def tumbler(p: Palette, variation: int) -> Drawing:
    def one(cx: float, top: float, colour: str) -> Drawing:
        return (
            Shape(vessel(cx, top, 330, 58, 48, bottom_radius=14), GLASS),
            Shape(vessel(cx, top + 62, 324, 52, 44, bottom_radius=12), colour, opacity=0.7),
            Shape(ellipse(cx, top, 58, 11), WHITE, opacity=0.75),
            *(
                Shape(line((cx + dx, top + 26), (cx + dx * 0.84, 312)), WHITE, 5, 0.45)
                for dx in (-40, -14, 14, 40)
            ),
        )

    return (*one(256, 176, p.light), *one(152, 150 if variation % 2 else 176, p.main))


def knife(p: Palette, variation: int) -> Drawing:
    blade = (
        polygon((196, 76), (240, 92), (232, 246), (170, 232)),
        curve((214, 52), (262, 120, 240, 200, 226, 250), closed=False)
        + " L 168 238 C 176 160 190 96 214 52 Z",
        curve((190, 60), (236, 80, 244, 190, 226, 250), closed=False) + " L 184 240 L 190 60 Z",
    )[variation % 3]
    return (
        Shape(blade, STEEL),
        Shape(line((180, 226), (206, 96)), WHITE, 6, 0.7),
        Shape(polygon((168, 234), (228, 250), (224, 266), (164, 250)), DARK_STEEL),
        Shape(polygon((170, 252), (220, 264), (200, 350), (150, 336)), p.main),
        Shape(polygon((170, 252), (186, 256), (164, 341), (150, 336)), p.dark),
        *(Shape(ellipse(x, y, 5), STEEL) for x, y in ((192, 282), (182, 316))),
    )


def board(p: Palette, variation: int) -> Drawing:
    body = (
        box(104, 128, 192, 208, 26)
        if variation % 2
        else vessel(200, 128, 336, 84, 100, bottom_radius=40, top_radius=30)
    )
    return (
        Shape(box(176, 62, 48, 84, 20), mix(p.main, WOOD, 0.4)),
        Shape(body, mix(p.main, WOOD, 0.4)),
        Shape(ellipse(200, 88, 10), CREAM),
        *(
            Shape(curve((x, 146), (x + 12, 206, x - 14, 262, x + 4, 322)), DARK_WOOD, 4, 0.28)
            for x in (134, 168, 204, 238, 268)
        ),
    )


def pan(p: Palette, variation: int) -> Drawing:
    return (
        Shape(bar(254, 156, 124, 13, 45), DARK_WOOD if variation % 2 else BLACK),
        Shape(ellipse(176, 230, 118), p.dark),
        Shape(ellipse(176, 226, 118), p.main),
        Shape(ellipse(176, 228, 96), p.dark),
        Shape(ellipse(176, 232, 90), mix(p.dark, BLACK, 0.3)),
        Shape(curve((98, 220), (106, 180, 134, 156, 166, 150)), WHITE, 8, 0.28),
        Shape(ellipse(332, 78, 5), CREAM),
    )


def utensils(p: Palette, variation: int) -> Drawing:
    return (
        Shape(line((150, 250), (122, 96)), WOOD, 14),
        Shape(ellipse(118, 84, 24, 34), WOOD),
        Shape(line((204, 250), (206, 90)), DARK_WOOD, 13),
        Shape(box(182, 52, 48, 66, 16), DARK_WOOD),
        Shape(line((252, 250), (284, 104)), STEEL, 10),
        *(Shape(ellipse(290, 84, rx, 38), DARK_STEEL, 0) for rx in ((22,) if variation % 2 else ())),
        *(Shape(ellipse(288, 86, rx, 40), DARK_STEEL, 4) for rx in (24, 11)),
        Shape(vessel(200, 214, 336, 84, 72, bottom_radius=18), p.main),
        Shape(vessel(200, 214, 238, 84, 81, bottom_radius=0), p.accent),
        Shape(box(142, 248, 12, 74, 6), WHITE, opacity=0.3),
    )


def carafe(p: Palette, variation: int) -> Drawing:
    body = curve(
        (172, 86),
        (172, 168, 116, 190, 116, 266),
        (116, 334, 150, 334, 200, 334),
        (250, 334, 284, 334, 284, 266),
        (284, 190, 228, 168, 228, 86),
        closed=True,
    )
    fill = curve((120, 250), (118, 330, 150, 328, 200, 328), (250, 328, 282, 330, 280, 250), closed=True)
    return (
        Shape(body, GLASS),
        Shape(fill, p.main, opacity=0.75),
        Shape(ellipse(200, 250, 80, 13), p.light),
        Shape(ellipse(200, 86, 28, 7), WHITE),
        Shape(curve((150, 216), (134, 240, 132, 270, 140, 300)), WHITE, 9, 0.6),
        *((Shape(ellipse(200, 78, 22, 16), WOOD),) if variation % 2 else ()),
    )
