"""PNG images as arrays of ink, without an imaging library: greyscale, colour or palette, not interlaced."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

from fieldwren.errors import BadInputError

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY, _RGB, _PALETTE, _GREY_ALPHA, _RGBA = 0, 2, 3, 4, 6
_SAMPLES = {_GREY: 1, _RGB: 3, _PALETTE: 1, _GREY_ALPHA: 2, _RGBA: 4}
_PIXELS_MOST = 1 << 24


def read_png(data: bytes, name: str) -> NDArray[np.float32]:
    """Brightness [height, width] from 0 (black) to 1 (white); transparent parts are white.

    Raises BadInputError, which names the image `name`, for anything that is no such PNG.
    """
    try:
        return _decoded(data)
    except (ValueError, struct.error, zlib.error, KeyError, IndexError) as error:
        raise BadInputError(f"{name}: is no PNG image that can be read: {error}") from error


def _decoded(data: bytes) -> NDArray[np.float32]:
    if data[:8] != _SIGNATURE:
        raise ValueError("its first bytes are of another format")
    packed, palette, header = b"", b"", b""
    at = 8
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + 8 + length]
        if kind == b"IHDR":
            header = body
        elif kind == b"PLTE":
            palette = body
        elif kind == b"IDAT":
            packed += body
        elif kind == b"IEND":
            break
        at += 12 + length
    width, height, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", header)
    if not 0 < width * height <= _PIXELS_MOST or depth not in (1, 2, 4, 8, 16) or interlace:
        raise ValueError("it is interlaced, empty or too large")
    samples = _SAMPLES[colour]
    stride = -(-width * samples * depth // 8)
    raw = zlib.decompressobj().decompress(packed, height * (stride + 1))
    rows = _unfiltered(raw, height, stride, max(1, samples * depth // 8))
    values = _unpacked(rows, depth)[:, : width * samples].reshape(height, width, samples)
    if colour == _PALETTE:
        return _grey(np.frombuffer(palette, np.uint8).reshape(-1, 3)[values[..., 0].astype(np.int64)] / 255.0)
    shares = values / float(2**depth - 1)
    if colour in (_GREY_ALPHA, _RGBA):
        alpha = shares[..., -1:]
        shares = shares[..., :-1] * alpha + (1 - alpha)
    return _grey(shares)


def _grey(shares: NDArray[np.float64]) -> NDArray[np.float32]:
    grey: NDArray[np.float32] = shares.mean(axis=-1).astype(np.float32)
    return grey


def _unpacked(rows: NDArray[np.uint8], depth: int) -> NDArray[np.float64]:
    if depth == 8:
        return rows.astype(np.float64)
    if depth == 16:
        wide: NDArray[np.float64] = rows.reshape(len(rows), -1, 2).astype(np.float64) @ np.array([256.0, 1.0])
        return wide
    bits = np.unpackbits(rows, axis=1).reshape(len(rows), -1, depth)
    return bits @ (2.0 ** np.arange(depth - 1, -1, -1))


def _unfiltered(raw: bytes, height: int, stride: int, step: int) -> NDArray[np.uint8]:
    """The rows of an image, each filtered as its first byte says (PNG specification, chapter 9)."""
    lines = np.frombuffer(raw, np.uint8).reshape(height, stride + 1)
    rows = np.zeros((height + 1, stride), np.uint8)
    for number, line in enumerate(lines):
        kind, row, above = int(line[0]), line[1:].copy(), rows[number]
        if kind == 2:
            row += above
        elif kind == 1:
            for first in range(step):
                row[first::step] = np.cumsum(row[first::step], dtype=np.uint64).astype(np.uint8)
        elif kind in (3, 4):
            row = _predicted(row, above, step, paeth=kind == 4)
        elif kind != 0:
            raise ValueError(f"a row has the unknown filter {kind}")
        rows[number + 1] = row
    return rows[1:]


def _predicted(row: NDArray[np.uint8], above: NDArray[np.uint8], step: int, *, paeth: bool) -> NDArray[np.uint8]:
    line, over = row.tolist(), above.tolist()
    for i, value in enumerate(line):
        left = line[i - step] if i >= step else 0
        corner = over[i - step] if i >= step else 0
        guess = (left + over[i]) // 2
        if paeth:
            estimate = left + over[i] - corner
            guess = min((left, over[i], corner), key=lambda candidate: abs(estimate - candidate))
        line[i] = (value + guess) & 255
    return np.array(line, np.uint8)
