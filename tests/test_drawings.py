"""Drawings: the same from a folder and a .zip, PNG as another library reads it, and pictures that do not depend on place."""

from __future__ import annotations

import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest

from fieldwren.drawings import framed, label_of, pixels_of, read_drawings
from fieldwren.errors import BadInputError, MissingToolError
from fieldwren.png import read_png
from support import require_data, require_module


def png(values: np.ndarray, filters: int = 0) -> bytes:
    """8-bit grey, every row with filter 0 or 2 (up)."""
    rows = values.astype(np.int64)
    coded = rows.copy()
    if filters == 2:
        coded[1:] = (rows[1:] - rows[:-1]) % 256
    raw = b"".join(bytes([filters]) + bytes(row.tolist()) for row in coded)

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", values.shape[1], values.shape[0], 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")


@pytest.mark.slow
def test_png_is_what_tensorflow_reads() -> None:
    tf = require_module("tensorflow")
    rng = np.random.default_rng(1)
    # Smooth pictures, for which encoders choose all filters.
    smooth = np.cumsum(np.cumsum(rng.integers(-3, 4, (40, 31, 4)), axis=0), axis=1) % 256
    for channels, depth in ((1, 8), (3, 8), (4, 8), (1, 16), (3, 16)):
        top = 255 if depth == 8 else 65535
        values = (smooth[..., :channels] * (1 if depth == 8 else 257)).astype(np.uint8 if depth == 8 else np.uint16)
        data = tf.io.encode_png(values).numpy()
        wanted = tf.io.decode_png(data, dtype=values.dtype).numpy().astype(np.float64) / top
        if channels == 4:
            wanted = wanted[..., :3] * wanted[..., 3:] + 1 - wanted[..., 3:]
        assert np.abs(read_png(data, "x") - wanted.mean(axis=-1)).max() < 1e-6
    with zipfile.ZipFile(next(require_data("omniglot").glob("*.zip"))) as archive:
        for name in [name for name in archive.namelist() if name.endswith(".png")][::500]:  # one bit a pixel
            data = archive.read(name)
            assert np.array_equal(read_png(data, name), tf.io.decode_png(data).numpy()[..., 0] / 255)


@pytest.mark.parametrize("data", [b"", b"x" * 60, png(np.zeros((4, 4)))[:40], png(np.zeros((4, 4)))[:-30]])
def test_what_is_no_png_is_named(data: bytes) -> None:
    with pytest.raises(BadInputError, match=r"d\.png: is no PNG"):
        read_png(data, "d.png")


def stroke(top: int, left: int, size: int) -> np.ndarray:
    """A white sheet with a diagonal."""
    sheet = np.full((105, 105), 255, np.uint8)
    for step in range(size):
        sheet[top + step, left + step : left + step + 3] = 0
    return sheet


def test_folder_and_zip_are_the_same(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "some.zip", "w") as archive:
        for alphabet, character, drawer in (
            ("Ogham", "character02", 1),
            ("Ogham", "character10", 2),
            ("Runes", "a", 1),
        ):
            data = png(stroke(10, 20, 30 + drawer), filters=2 * (drawer % 2))
            name = f"images/{alphabet}/{character}/0001_{drawer:02d}.png"
            archive.writestr(name, data)
            (tmp_path / "folder" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "folder" / name).write_bytes(data)
    folder, packed = read_drawings(tmp_path / "folder"), read_drawings(tmp_path / "some.zip")
    assert [(d.alphabet, d.label, d.drawer) for d in folder] == [
        ("Ogham", "Ogham/02", "01"),
        ("Ogham", "Ogham/10", "02"),
        ("Runes", "Runes/a", "01"),
    ]
    for one, other in zip(folder, packed, strict=True):
        assert one.label == other.label and np.array_equal(one.ink, other.ink)
    assert [d.label for d in read_drawings(tmp_path / "folder" / "images" / "Runes")] == ["Runes/a"]
    with pytest.raises(BadInputError, match="no alphabet 'Latin'; there are Ogham, Runes"):
        read_drawings(tmp_path / "some.zip", ["Latin"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(MissingToolError, match="has no ALPHABET/CHARACTER"):
        read_drawings(tmp_path / "empty")


def test_labels_fit_into_a_class_table() -> None:
    assert label_of("Greek", "character07") == label_of("Greek", "Greek/character07") == "Greek/07"
    assert label_of("Alphabet_of_the_Magi", "character01") == "Alphabet_of_the_/01"
    with pytest.raises(BadInputError, match="at most"):
        label_of("Greek", "x" * 19)


def test_neither_place_nor_size_of_a_drawing_matters() -> None:
    here = framed(1 - stroke(5, 5, 80) / np.float32(255), 28)
    assert np.abs(here - framed(1 - stroke(20, 15, 80) / np.float32(255), 28)).max() < 1e-6
    assert np.abs(here - framed(1 - stroke(40, 40, 40) / np.float32(255), 28)).mean() < 0.03
    image = pixels_of(1 - stroke(5, 5, 80) / np.float32(255), 28)
    assert image.dtype == np.int8 and (image.min(), image.max()) == (-128, 127)
    assert (image[:3] == -128).all() and (image[:, :3] == -128).all()
    assert (pixels_of(np.zeros((9, 9), np.float32), 28) == -128).all()
