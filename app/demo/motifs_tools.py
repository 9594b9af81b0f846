"""Drawn motifs of small tools; each is a pure function of a palette and a variation number."""

from __future__ import annotations

from app.demo.drawing import Drawing, Shape, bar, box, curve, ellipse, line, polygon, vessel
from app.demo.motifs_table import CREAM, DARK_STEEL, DARK_WOOD, STEEL, WHITE, WOOD, Palette


def whisk(p: Palette, variation: int) -> Drawing:
    return (
        *(Shape(ellipse(200, 132, rx, 66), DARK_STEEL, 8) for rx in (62, 34)),
        Shape(ellipse(200, 154, 20, 30), DARK_STEEL, 7),
        Shape(line((200, 190), (200, 230)), DARK_STEEL, 12),
        Shape(box(185, 218, 30, 120, 14), p.main if variation % 2 else WOOD),
        Shape(box(185, 306, 30, 16), p.accent),
    )


def strainer(p: Palette, variation: int) -> Drawing:
    holes = [(136 + i * 22, 236 + row * 20) for row in range(3) for i in range(row, 7 - row)]
    return (
        Shape(line((262, 208), (344, 128)), p.dark, 18),
        Shape(ellipse(344, 128, 15), p.dark, 7),
        Shape(curve((104, 208), (106, 282, 146, 318, 202, 318), (258, 318, 298, 282, 300, 208), closed=True), p.main),
        *(Shape(ellipse(x, y, 5), p.dark) for x, y in holes),
        Shape(ellipse(202, 208, 98, 20), p.light),
        Shape(ellipse(202, 211, 82, 13), p.dark, opacity=0.7),
    )  # fmt: skip


def spatulas(p: Palette, variation: int) -> Drawing:
    heads = ((132, p.main, 34), (204, p.accent, 28), (270, p.dark, 20))
    return tuple(
        shape
        for x, colour, half in heads
        for shape in (
            Shape(box(x - 9, 172, 18, 164, 9), WOOD),
            Shape(vessel(x, 70, 196, half, half - 6, bottom_radius=16, top_radius=16), colour),
            Shape(box(x - half + 8, 90, 7, 80, 3), WHITE, opacity=0.35),
        )
    )


def scissors(p: Palette, variation: int) -> Drawing:
    return (
        Shape(bar(236, 236, 172, 11, -24), STEEL),
        Shape(bar(164, 236, 172, 11, 24), DARK_STEEL),
        Shape(ellipse(148, 284, 34, 44), p.main, 16),
        Shape(ellipse(252, 284, 34, 44), p.main, 16),
        Shape(line((186, 214), (166, 250)), p.main, 16),
        Shape(line((214, 214), (234, 250)), p.main, 16),
        Shape(ellipse(200, 178, 11), p.accent),
    )


def snuffer(p: Palette, variation: int) -> Drawing:
    return (
        Shape(line((150, 214), (324, 94)), p.main, 12),
        Shape(ellipse(330, 90, 13), p.dark),
        Shape(line((150, 214), (150, 232)), p.dark, 10),
        Shape(polygon((136, 228), (164, 228), (204, 330), (96, 330)), p.main),
        Shape(polygon((136, 228), (146, 228), (126, 330), (96, 330)), WHITE, opacity=0.28),
        Shape(ellipse(150, 330, 54, 10), p.dark),
    )


def block(p: Palette, variation: int) -> Drawing:
    """Something solid: a whetstone on its base, a sharpener, a sponge."""
    return (
        Shape(box(86, 296, 228, 38, 8), DARK_WOOD),
        Shape(box(106, 240, 188, 58, 6), p.main),
        Shape(box(106, 206, 188, 40, 6), p.accent),
        Shape(box(124, 216, 110, 8, 4), WHITE, opacity=0.35),
        Shape(box(250, 262, 30, 16, 3), CREAM, opacity=0.8),
    )


def sharpener(p: Palette, variation: int) -> Drawing:
    return (
        Shape(polygon((110, 196), (290, 196), (266, 326), (134, 326)), p.main),
        Shape(polygon((110, 196), (290, 196), (284, 226), (116, 226)), p.light),
        Shape(polygon((148, 206), (262, 182), (266, 204), (152, 228)), STEEL),
        Shape(ellipse(206, 204, 10), DARK_STEEL),
        *(Shape(line((x, 250), (x + (200 - x) * 0.1, 312)), p.dark, 5, 0.5) for x in (146, 168, 232, 254)),
        Shape(ellipse(200, 282, 22), p.dark),
        Shape(ellipse(200, 282, 15), p.dark if variation % 2 else DARK_STEEL),
    )


def tube(p: Palette, variation: int) -> Drawing:
    return (
        Shape(polygon((128, 74), (272, 74), (250, 294), (150, 294)), p.main),
        Shape(box(124, 66, 152, 22, 4), p.dark),
        Shape(box(160, 292, 80, 42, 8), p.dark),
        Shape(polygon((148, 140), (252, 140), (243, 232), (157, 232)), CREAM),
        Shape(box(170, 162, 60, 9, 4), p.dark),
        Shape(box(180, 184, 40, 7, 3), p.accent),
        Shape(line((146, 100), (160, 270)), WHITE, 8, 0.35),
    )


def gloves(p: Palette, variation: int) -> Drawing:
    thumb = curve((150, 236), (96, 214, 84, 176, 106, 164), (124, 156, 136, 188, 160, 200), closed=True)
    return (
        Shape(thumb, p.dark),
        Shape(vessel(204, 82, 292, 62, 62, bottom_radius=16, top_radius=40), p.main),
        *(Shape(line((x, 110), (x, 176)), p.dark, 5, 0.6) for x in (176, 206, 236)),
        Shape(box(136, 268, 136, 66, 10), p.accent),
        *(Shape(line((140, y), (268, y)), WHITE, 4, 0.4) for y in (288, 304)),
    )


def _sprig(side: int, y: float) -> str:
    x = 200 - side * 34
    cubics = ((200 - side * 24, y - 4, x, y - 20, x, y - 36), (200 - side * 12, y - 36, 200, y - 22, 200, y))
    return curve((200, y), *cubics, closed=True)


def sack(p: Palette, variation: int) -> Drawing:
    sides = ((104, 180, 100, 270, 112, 334), (170, 342, 230, 342, 288, 334), (300, 270, 296, 180, 274, 106))
    return (
        Shape(curve((126, 106), *sides, closed=True), p.main),
        Shape(box(120, 92, 160, 26, 6), p.dark),
        *(Shape(line((136 + i * 16, 98), (136 + i * 16, 112)), CREAM, 3, 0.7) for i in range(9)),
        Shape(ellipse(200, 226, 58), CREAM),
        Shape(line((200, 260), (200, 206)), p.accent, 7),
        Shape(_sprig(1, 226), p.accent),
        Shape(_sprig(-1, 214), p.accent),
    )
