"""Real inputs for a trained model, from a folder: what its activations are calibrated with, and measured on."""

from __future__ import annotations

import hashlib
import math
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fieldwren.app import load_app
from fieldwren.app_model import app_front_end
from fieldwren.datasets import DIGITS, centred, words_in
from fieldwren.errors import BadInputError, MissingToolError
from fieldwren.features import (
    PRESETS,
    AudioStream,
    FrontEndParameters,
    SensorFrontEnd,
    from_json,
    row_windows,
)
from fieldwren.features.wav import read_any_wav
from fieldwren.rows import read_rows
from fieldwren.tflite import read_model

Float = npt.NDArray[np.float32]
_ARRAYS = (".npy", ".npz")
_TABLES = (".csv", ".txt")


@dataclass(frozen=True)
class Calibration:
    """Model inputs [n, *shape] float32; labels [n] where the data have them, as numbers of the model's outputs.

    `sha256` is of the files that were read, names and contents.
    """

    inputs: Float
    labels: npt.NDArray[np.int64] | None
    label_names: tuple[str, ...] | None
    front_end: FrontEndParameters | None
    sha256: str


def front_end_named(name: str) -> FrontEndParameters:
    """A preset, the parameters in a .json file, or those of an app folder's model."""
    if name in PRESETS:
        return PRESETS[name]
    path = Path(name)
    if path.is_dir():
        app = load_app(path)
        return app_front_end(app, read_model(app.model_path))
    if path.suffix == ".json" and path.is_file():
        return from_json(path.read_text(encoding="utf-8"))
    raise BadInputError(
        f"front end {name!r}: is no preset ({', '.join(PRESETS)}), no .json file with parameters and no app folder"
    )


def load(
    folder: Path,
    shape: Sequence[int],
    outputs: int,
    *,
    front_end: FrontEndParameters | None = None,
    label_names: Sequence[str] = (),
) -> Calibration:
    """Inputs of `shape` (without batch) from everything below `folder`, of the first kind that is found there:

    - `.npz` with `x` [n, *shape] and perhaps `y` [n], or `.npy` [n, *shape];
    - recordings of words (`datasets.words_in`) through `front_end`, or the one preset whose windows have this shape;
    - sensor tables through `front_end`, or, for a model of single rows, their numeric columns; the label is the last one.

    `label_names` are the model's outputs in order; without them the labels of the data, sorted, if they are as many.
    Raises BadInputError naming the file, MissingToolError when nothing is there.
    """
    if not folder.is_dir():
        raise MissingToolError(f"{folder}: there is no such folder with calibration data")
    if label_names and (len(set(label_names)) < len(label_names) or len(label_names) not in (outputs, max(outputs, 2))):
        raise BadInputError(
            f"labels {', '.join(label_names)}: the model has {outputs} outputs, each of which needs a name of its own"
        )
    arrays = sorted(path for path in folder.rglob("*") if path.suffix in _ARRAYS)
    tables = sorted(path for path in folder.rglob("*") if path.suffix in _TABLES)
    words = words_in(folder, tuple(label_names))
    if arrays:
        parts = [_array(path, shape) for path in arrays]
        labelled = all(y is not None for _, y in parts)
        labels = np.concatenate([y for _, y in parts if y is not None]) if labelled else None
        inputs = np.concatenate([x for x, _ in parts])
        _check_labels(folder, labels, outputs)
        return Calibration(inputs, labels, tuple(label_names) or None, front_end, _hash(folder, arrays))
    if words:
        chosen = front_end or _preset(shape, folder)
        if isinstance(chosen, SensorFrontEnd):
            raise BadInputError(f"{folder}: holds recordings, and the front end reads sensor rows")
        stream, count = AudioStream(chosen), chosen.window_total_samples
        clips = [centred(read_any_wav(w.path, chosen.sample_rate_hz), count, w.path.stem) for w in words]
        features = stream.windows(np.stack(clips), np.float32).reshape(-1, *_checked(chosen, shape))
        names, labels = _numbered([word.label for word in words], tuple(label_names), outputs)
        return Calibration(features, labels, names, chosen, _hash(folder, [word.path for word in words]))
    if tables:
        parts = [_table(path, shape, front_end) for path in tables]
        labels = np.concatenate([y for _, y in parts if y is not None])
        _check_labels(folder, labels, outputs)
        inputs = np.concatenate([x for x, _ in parts])
        if not len(inputs):
            raise BadInputError(f"{folder}: its tables have no row without a missing value to calibrate with")
        return Calibration(inputs, labels, tuple(label_names) or None, front_end, _hash(folder, tables))
    raise MissingToolError(
        f"{folder}: has no .npz or .npy arrays, no LABEL_GROUP_INDEX.wav recordings and no .csv tables to calibrate with"
    )


def _array(path: Path, shape: Sequence[int]) -> tuple[Float, npt.NDArray[np.int64] | None]:
    try:
        stored = np.load(path, allow_pickle=False)
        x = np.asarray(stored["x"] if path.suffix == ".npz" else stored)
        y = np.asarray(stored["y"]) if path.suffix == ".npz" and "y" in stored else None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise BadInputError(f"{path}: is no array file with `x` [n, {', '.join(map(str, shape))}]: {error}") from error
    if x.dtype.kind not in "biuf":
        raise BadInputError(f"{path}: x holds {x.dtype}, the model wants real numbers")
    if x.ndim < 1 or len(x) == 0 or math.prod(x.shape[1:]) != math.prod(shape):
        raise BadInputError(f"{path}: x has shape {list(x.shape)}, the model wants [n, {', '.join(map(str, shape))}]")
    if not np.isfinite(x.astype(np.float64)).all():
        raise BadInputError(f"{path}: x has values that are not finite numbers")
    if y is not None and (y.size != len(x) or y.dtype.kind not in "biuf" or not np.all(y == np.floor(y))):
        raise BadInputError(
            f"{path}: y holds {y.dtype} {list(y.shape)}, and must have the number of its class, from 0, for each of the "
            f"{len(x)} examples in x"
        )
    return x.reshape(-1, *shape).astype(np.float32), None if y is None else y.astype(np.int64).ravel()


def _preset(shape: Sequence[int], folder: Path) -> FrontEndParameters:
    wanted = math.prod(shape)
    fitting = [name for name, preset in PRESETS.items() if preset.window_frames * preset.frame_values == wanted]
    if len(fitting) != 1:
        what = f"the presets {' and '.join(fitting)} both give" if fitting else "no preset gives"
        raise BadInputError(
            f"{folder}: {what} windows of {list(shape)}: say which front end the model was trained with (--front-end)"
        )
    return PRESETS[fitting[0]]


def _checked(front_end: FrontEndParameters, shape: Sequence[int]) -> Sequence[int]:
    given = front_end.window_frames * front_end.frame_values
    if given != math.prod(shape):
        raise BadInputError(
            f"the front end gives {front_end.window_frames} frames of {front_end.frame_values}, and the model wants {list(shape)}"
        )
    return shape


def _numbered(
    labels: Sequence[str], names: tuple[str, ...], outputs: int
) -> tuple[tuple[str, ...] | None, npt.NDArray[np.int64] | None]:
    """(names of the outputs, their numbers); None where the labels of the data are not the model's outputs."""
    found = set(labels)
    ordered = tuple(d for d in DIGITS if d in found) if found <= set(DIGITS) else tuple(sorted(found))
    names = names or (ordered if len(ordered) == outputs else ())
    if not names:
        return None, None
    unknown = sorted(found - set(names))
    if unknown or len(names) != outputs:
        what = f"{unknown[0]!r} is none of them" if unknown else f"the model has {outputs} outputs"
        raise BadInputError(f"labels {', '.join(names)}: {what}")
    return names, np.array([names.index(label) for label in labels], np.int64)


def _table(
    path: Path, shape: Sequence[int], front_end: FrontEndParameters | None
) -> tuple[Float, npt.NDArray[np.int64] | None]:
    with path.open(encoding="utf-8", errors="replace") as file:
        header = [name.strip().strip('"') for name in file.readline().split(",")]
        first = [field.strip().strip('"') for field in file.readline().split(",")]
    if isinstance(front_end, SensorFrontEnd):
        values = read_rows(path, [*front_end.channels, header[-1]])
        made = row_windows(front_end, values[:, :-1].astype(np.float32), np.float32)
        return made.inputs.reshape(-1, *_checked(front_end, shape)), values[made.last_row, -1].astype(np.int64)
    shift = len(first) - len(header)
    numeric = [name for name, text in zip(header, first[max(shift, 0) :], strict=False) if _is_number(text)]
    columns = [name for name in numeric if name != header[-1]]
    if len(columns) != math.prod(shape):
        raise BadInputError(
            f"{path}: has {len(columns)} numeric columns before the label, and the model wants {list(shape)}: name the front "
            "end that the model was trained with (--front-end)"
        )
    values = read_rows(path, [*columns, header[-1]])
    values = values[np.isfinite(values).all(axis=1)]
    return values[:, :-1].astype(np.float32).reshape(-1, *shape), values[:, -1].astype(np.int64)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _check_labels(folder: Path, labels: npt.NDArray[np.int64] | None, outputs: int) -> None:
    most = max(outputs, 2)
    if labels is not None and len(labels) and not (labels.min() >= 0 and labels.max() < most):
        raise BadInputError(
            f"{folder}: labels reach from {labels.min()} to {labels.max()}, the model has {outputs} outputs"
        )


def _hash(folder: Path, files: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(str(path.relative_to(folder)).encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
