"""A small vocabulary of flat shapes and how they become SVG; it knows no products and no pixels."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

# Side of every drawing in its own units; SVG and PNG scale from it.
CANVAS = 400

# Distance of a cubic's handles that makes a quarter of a circle, as a part of the radius (4/3·(√2−1)).
KAPPA = 0.5523

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Shape:
    """A filled path (``stroke_width`` 0) or a round-ended line; the path uses absolute M, L, C and Z only."""

    path: str
    colour: str
    stroke_width: float = 0.0
    opacity: float = 1.0


Drawing = tuple[Shape, ...]


def _number(value: float) -> str:
    """Four digits are a twentieth of a unit at the far edge of the canvas."""
    return f"{value:.4g}"


def _join(parts: Sequence[str | float]) -> str:
    return " ".join([part if isinstance(part, str) else f"{part:.4g}" for part in parts])


def polygon(*points: Point) -> str:
    (x, y), *rest = points
    return _join(["M", x, y, *[part for point in rest for part in ("L", *point)], "Z"])


def line(*points: Point) -> str:
    (x, y), *rest = points
    return _join(["M", x, y, *[part for point in rest for part in ("L", *point)]])


def curve(
    start: Point, *cubics: tuple[float, float, float, float, float, float], closed: bool = False
) -> str:
    parts: list[str | float] = ["M", *start]
    for cubic in cubics:
        parts += ["C", *cubic]
    return _join([*parts, "Z"] if closed else parts)


# One format for a whole outline: a history brings thousands of products, each with a dozen shapes.
_ELLIPSE = "M %.4g %.4g" + " C %.4g %.4g %.4g %.4g %.4g %.4g" * 4 + " Z"
_VESSEL = (
    "M %.4g %.4g" + (" C %.4g %.4g %.4g %.4g %.4g %.4g L %.4g %.4g" * 4).removesuffix(" L %.4g %.4g") + " Z"
)


def ellipse(cx: float, cy: float, rx: float, ry: float | None = None) -> str:
    ry = rx if ry is None else ry
    kx, ky = rx * KAPPA, ry * KAPPA
    left, right, top, bottom = cx - rx, cx + rx, cy - ry, cy + ry
    return _ELLIPSE % (
        *(right, cy, right, cy + ky, cx + kx, bottom, cx, bottom),
        *(cx - kx, bottom, left, cy + ky, left, cy),
        *(left, cy - ky, cx - kx, top, cx, top),
        *(cx + kx, top, right, cy - ky, right, cy),
    )


def box(x: float, y: float, width: float, height: float, radius: float = 0.0) -> str:
    """A rectangle with rounded corners."""
    return vessel(x + width / 2, y, y + height, width / 2, width / 2, bottom_radius=radius, top_radius=radius)


def vessel(
    cx: float,
    top: float,
    bottom: float,
    half_top: float,
    half_bottom: float,
    *,
    bottom_radius: float = 12.0,
    top_radius: float = 0.0,
) -> str:
    """A pot seen from the side: straight walls between two widths, rounded where asked."""
    slope = (half_bottom - half_top) / (bottom - top)
    low, high = half_bottom - slope * bottom_radius, half_top + slope * top_radius
    edge_top, edge_bottom = half_top - top_radius, half_bottom - bottom_radius
    above, below = top + top_radius, bottom - bottom_radius
    return _VESSEL % (
        *(cx + edge_top, top, cx + half_top, top, cx + half_top, top, cx + high, above),
        *(cx + low, below, cx + half_bottom, bottom, cx + half_bottom, bottom, cx + edge_bottom, bottom),
        *(cx - edge_bottom, bottom, cx - half_bottom, bottom, cx - half_bottom, bottom, cx - low, below),
        *(cx - high, above, cx - half_top, top, cx - half_top, top, cx - edge_top, top),
    )


def turned(x: float, y: float, along: float, across: float, angle: float) -> Point:
    """The point `along` and `across` from (x, y) on an axis turned `angle` degrees from pointing up."""
    sine, cosine = math.sin(math.radians(angle)), math.cos(math.radians(angle))
    return x + along * sine + across * cosine, y - along * cosine + across * sine


def leaf(x: float, y: float, length: float, width: float, angle: float) -> str:
    """A leaf growing from (x, y); 0 degrees points up, positive leans right."""

    def at(along: float, across: float) -> Point:
        return turned(x, y, along * length, across * width, angle)

    tip = at(1, 0)
    return curve(
        (x, y),
        (*at(0.2, 0.55), *at(0.7, 0.6), *tip),
        (*at(0.7, -0.6), *at(0.2, -0.55), x, y),
        closed=True,
    )


def bar(x: float, y: float, length: float, half_width: float, angle: float) -> str:
    """A straight bar from (x, y), turned like a leaf."""
    corners = ((0, -half_width), (length, -half_width), (length, half_width), (0, half_width))
    return polygon(*[turned(x, y, along, across, angle) for along, across in corners])


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def mix(colour: str, other: str, part: float) -> str:
    """`colour` with `part` (0 to 1) of `other` stirred in."""
    pairs = zip(_channels(colour), _channels(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * part):02x}" for a, b in pairs)


def _element(shape: Shape) -> str:
    opacity = f' opacity="{shape.opacity:.2f}"' if shape.opacity < 1 else ""
    if shape.stroke_width:
        ends = 'fill="none" stroke-linecap="round" stroke-linejoin="round"'
        return (
            f'<path d="{shape.path}" {ends} stroke="{shape.colour}"'
            f' stroke-width="{_number(shape.stroke_width)}"{opacity}/>'
        )
    return f'<path d="{shape.path}" fill="{shape.colour}" fill-rule="evenodd"{opacity}/>'


def to_svg(drawing: Drawing) -> str:
    shapes = "".join(_element(shape) for shape in drawing)
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {CANVAS} {CANVAS}">{shapes}</svg>'


def from_svg(svg: str) -> Drawing:
    """Reads back what `to_svg` wrote; no other SVG."""
    elements = (
        dict(re.findall(r'([\w-]+)="([^"]*)"', element)) for element in re.findall(r"<path [^>]*>", svg)
    )
    return tuple(
        Shape(
            each["d"],
            each["stroke"] if "stroke" in each else each["fill"],
            float(each.get("stroke-width", 0)),
            float(each.get("opacity", 1)),
        )
        for each in elements
    )
