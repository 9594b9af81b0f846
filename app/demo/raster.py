"""Turns a drawing into a PNG with numpy and zlib alone: mail programs show no SVG. No colour management."""

from __future__ import annotations

import itertools
import struct
import zlib

import numpy as np
from numpy.typing import NDArray

from app.demo.drawing import CANVAS, Drawing, Shape

Floats = NDArray[np.float32]

# Straight pieces per cubic: at 800 px the largest error stays under a third of a pixel.
PIECES_PER_CUBIC = 14

# Sampled rows per pixel row; across a row the coverage is exact.
ROWS_PER_PIXEL = 3


def to_png(drawing: Drawing, side_pixels: int) -> bytes:
    """The drawing as an opaque 8-bit RGB PNG of `side_pixels` squared, on white."""
    image: Floats = np.full((side_pixels, side_pixels, 3), 255, np.float32)
    scale = side_pixels / CANVAS
    for shape in drawing:
        _paint(image, shape, scale)
    return _encode(np.rint(image).astype(np.uint8))


def _paint(image: Floats, shape: Shape, scale: float) -> None:
    outlines = [outline * scale for outline in _flatten(shape.path)]
    margin = shape.stroke_width * scale / 2 + 1
    points = np.concatenate(outlines)
    side = image.shape[0]
    left, top = np.clip(np.floor(points.min(0) - margin), 0, side).astype(int)
    right, bottom = np.clip(np.ceil(points.max(0) + margin), 0, side).astype(int)
    if right <= left or bottom <= top:
        return
    moved = [outline - (left, top) for outline in outlines]
    size = (int(bottom - top), int(right - left))
    cover = _stroked(moved, shape.stroke_width * scale, size) if shape.stroke_width else _filled(moved, size)
    colour = np.array([int(shape.colour[at : at + 2], 16) for at in (1, 3, 5)], np.float32)
    window = image[top:bottom, left:right]
    window += (colour - window) * (cover * shape.opacity)[:, :, None]


def _flatten(path: str) -> list[NDArray[np.float64]]:
    """The path's outlines as points; a closed one ends where it began."""
    outlines: list[list[tuple[float, float]]] = []
    words = iter(path.split())
    for word in words:
        if word == "Z":
            outlines[-1].append(outlines[-1][0])
            continue
        numbers = [float(next(words)) for _ in range(6 if word == "C" else 2)]
        if word == "M":
            outlines.append([(numbers[0], numbers[1])])
        elif word == "L":
            outlines[-1].append((numbers[0], numbers[1]))
        else:
            outlines[-1] += _cubic(outlines[-1][-1], numbers)
    return [np.array(outline) for outline in outlines]


def _cubic(start: tuple[float, float], handles: list[float]) -> list[tuple[float, float]]:
    points = [start, *zip(handles[::2], handles[1::2], strict=True)]
    found = []
    for step in range(1, PIECES_PER_CUBIC + 1):
        t = step / PIECES_PER_CUBIC
        weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
        x, y = (sum(w * p[axis] for w, p in zip(weights, points, strict=True)) for axis in (0, 1))
        found.append((x, y))
    return found


def _filled(outlines: list[NDArray[np.float64]], size: tuple[int, int]) -> Floats:
    """Even-odd coverage: where each sampled row enters and leaves the shape, in exact parts of a pixel."""
    height, width = size
    starts = np.concatenate([outline[:-1] for outline in outlines])
    ends = np.concatenate([outline[1:] for outline in outlines])
    rows = (np.arange(height * ROWS_PER_PIXEL) + 0.5)[:, None] / ROWS_PER_PIXEL
    crosses = (starts[:, 1] <= rows) != (ends[:, 1] <= rows)
    rise = ends[:, 1] - starts[:, 1]
    slope = (ends[:, 0] - starts[:, 0]) / np.where(rise == 0, 1, rise)
    at = np.where(crosses, starts[:, 0] + (rows - starts[:, 1]) * slope, np.inf)
    at = np.sort(at, axis=1)[:, : int(crosses.sum(1).max(initial=0))].astype(np.float32)
    pixels = np.arange(width, dtype=np.float32)
    cover: Floats = np.zeros((height * ROWS_PER_PIXEL, width), np.float32)
    for pair in range(0, at.shape[1] - 1, 2):
        enters, leaves = np.minimum(at[:, pair, None], width), np.minimum(at[:, pair + 1, None], width)
        cover += np.clip(np.minimum(leaves, pixels + 1) - np.maximum(enters, pixels), 0, 1)
    rows_of_pixels: Floats = np.clip(cover, 0, 1).reshape(height, ROWS_PER_PIXEL, width).mean(1)
    return rows_of_pixels


def _stroked(outlines: list[NDArray[np.float64]], stroke_width: float, size: tuple[int, int]) -> Floats:
    """Coverage by distance to the line, which gives round ends and joints for free."""
    height, width = size
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) + np.float32(0.5)
    nearest: Floats = np.full(size, np.inf, np.float32)
    for outline in outlines:
        for (ax, ay), (bx, by) in itertools.pairwise(outline):
            dx, dy = bx - ax, by - ay
            part = np.clip(((x - ax) * dx + (y - ay) * dy) / max(dx * dx + dy * dy, 1e-9), 0, 1)
            np.minimum(nearest, (x - ax - part * dx) ** 2 + (y - ay - part * dy) ** 2, out=nearest)
    return np.clip(stroke_width / 2 + 0.5 - np.sqrt(nearest), 0, 1)


def _encode(pixels: NDArray[np.uint8]) -> bytes:
    height, width, _ = pixels.shape
    filtered = np.zeros((height, 1 + width * 3), np.uint8)
    filtered[:, 0] = (
        1  # PNG filter "Sub": each byte minus its left neighbour, which flat colour turns into zeros
    )
    flat = pixels.reshape(height, width * 3)
    filtered[:, 1:4] = flat[:, :3]
    filtered[:, 4:] = flat[:, 3:] - flat[:, :-3]
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(filtered.tobytes(), 6)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, content) for name, content in chunks)


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
