"""Drawings of characters: Omniglot's layout in a folder or .zip, and what an app sees of an image."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from fieldwren.errors import BadInputError, MissingToolError
from fieldwren.png import read_png

LABEL_BYTES_MOST = 19
"""Of the names of classes on a device (firmware/include/fw_learner.h)."""
SHARE = 22 / 28
"""Of a frame's side that a drawing takes."""
_CHARACTER = "character"
_FINER = 4
"""Points a pixel and axis that ink is sampled at."""


@dataclass(frozen=True)
class Drawing:
    """One image. `label` names its class, `drawer` who drew it (empty where the file's name does not say)."""

    alphabet: str
    label: str
    drawer: str
    ink: NDArray[np.float32]  # [height, width], 1 where there is ink


def read_ink(path: Path) -> NDArray[np.float32]:
    """The ink of one image, [height, width]. Raises BadInputError naming the file."""
    try:
        return 1 - read_png(path.read_bytes(), str(path))
    except OSError as error:
        raise BadInputError(f"{path}: cannot be read: {error.strerror or error}") from error


def label_of(alphabet: str, character: str) -> str:
    """The class of a character as an app names it: `Greek/07` for Greek's `character07`.

    At most LABEL_BYTES_MOST bytes; it is the alphabet's name that is shortened. `character` may have the alphabet in
    front: `Greek/character07`.

    >>> label_of("Early_Aramaic", "character01")
    'Early_Aramaic/01'
    """
    character = character.removeprefix(f"{alphabet}/").removeprefix(_CHARACTER)
    room = LABEL_BYTES_MOST - len(character.encode()) - 1
    if room < 1:
        raise BadInputError(f"character {character!r}: its name must have at most {LABEL_BYTES_MOST - 2} bytes")
    return f"{alphabet.encode()[:room].decode(errors='ignore')}/{character}"


def read_drawings(source: Path, only: Sequence[str] = ()) -> list[Drawing]:
    """All `ALPHABET/CHARACTER/*.png` in a folder (and in .zip files there) or in a .zip, sorted by path.

    Omniglot's `…_background/ALPHABET/characterNN/NNNN_DD.png`, in which DD is the drawer. With `only` those alphabets.
    Raises MissingToolError where there are none, BadInputError naming an image that cannot be read or an unknown alphabet.
    """
    files = sorted(_files(source), key=lambda item: item[0].parts)
    known = sorted({path.parts[-3] for path, _ in files})
    if not known:
        raise MissingToolError(f"{source}: has no ALPHABET/CHARACTER/*.png drawings; point --data at a folder or .zip")
    unknown = [name for name in only if name not in known]
    if unknown:
        raise BadInputError(f"{source}: has no alphabet {unknown[0]!r}; there are {', '.join(known)}")
    made = []
    for path, where in files:
        alphabet, character = path.parts[-3:-1]
        if only and alphabet not in only:
            continue
        data = where.read_bytes() if isinstance(where, Path) else where
        drawer = path.stem.rpartition("_")[2] if "_" in path.stem else ""
        made.append(Drawing(alphabet, label_of(alphabet, character), drawer, 1 - read_png(data, str(path))))
    return made


def _files(source: Path) -> Iterator[tuple[PurePosixPath, Path | bytes]]:
    """Path and content, or where it is, of all images that lie deep enough."""
    if source.is_file():
        yield from _zipped(source)
        return
    for path in source.rglob("*"):
        inside = path.relative_to(source)
        if path.suffix == ".zip":
            yield from _zipped(path)
        elif path.suffix.lower() == ".png":
            # The folder itself may be an alphabet, or a character.
            parts = (*source.resolve().parts[-2:], *inside.parts)
            if len(parts) >= 3 and not any(part.startswith(("__MACOSX", "._")) for part in inside.parts):
                yield PurePosixPath(*parts), path


def _zipped(path: Path) -> Iterator[tuple[PurePosixPath, bytes]]:
    try:
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                inside = PurePosixPath(name)
                hidden = any(part.startswith(("__MACOSX", "._")) for part in inside.parts)
                if inside.suffix.lower() == ".png" and not hidden:
                    parts = (path.stem, *inside.parts)
                    if len(parts) >= 3:
                        yield PurePosixPath(*parts), archive.read(name)
    except (OSError, zipfile.BadZipFile, RuntimeError) as error:
        raise BadInputError(f"{path}: is no .zip file that can be read: {error}") from error


def resized(ink: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """[height, width]: each pixel the mean of the ink under it."""
    return _shrink(_shrink(ink, height).T, width).T


def _shrink(values: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """Mean over `count` equal parts of the first axis, which may be cut inside an element."""
    edges = np.arange(count + 1) * (len(values) / count)
    sums = np.concatenate([np.zeros((1, values.shape[1]), np.float64), np.cumsum(values, axis=0, dtype=np.float64)])
    whole = np.minimum(np.floor(edges).astype(np.int64), len(values) - 1)
    at_edges = sums[whole] + (edges - whole)[:, None] * values[whole]
    means: NDArray[np.float32] = (np.diff(at_edges, axis=0) * (count / len(values))).astype(np.float32)
    return means


def framed(ink: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """[size, size]: the drawing in the middle, its longer side SHARE of the frame; nothing where there is no ink.

    So it does not matter how large people draw, and where on the sheet.
    """
    rows, columns = np.nonzero(ink > 0.5 * ink.max(initial=0.0))
    if not len(rows):
        return np.zeros((size, size), np.float32)
    height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
    side = max(height, width) / SHARE
    steps = (np.arange(_FINER * size) + 0.5) / (_FINER * size) * side - side / 2
    places = [np.floor(axis.min() + length / 2 + steps) for axis, length in ((rows, height), (columns, width))]
    inside = [(place >= 0) & (place < limit) for place, limit in zip(places, ink.shape, strict=True)]
    down, across = (np.where(i, p, 0).astype(np.int64) for i, p in zip(inside, places, strict=True))
    return resized(ink[np.ix_(down, across)] * np.outer(*inside).astype(np.float32), size, size)


def brightened(small: NDArray[np.float32]) -> NDArray[np.float32]:
    """Images [..., height, width] of ink, each scaled so that its darkest pixel is 1."""
    scaled: NDArray[np.float32] = small / np.maximum(small.max(axis=(-2, -1), keepdims=True), 1e-3)
    return scaled


def pixels_of(ink: NDArray[np.float32], size: int) -> NDArray[np.int8]:
    """int8 [size, size], -128 paper and 127 ink: what an app is sent."""
    made: NDArray[np.int8] = np.rint(255 * brightened(framed(ink, size)) - 128).astype(np.int8)
    return made
