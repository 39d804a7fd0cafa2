"""Labelled samples of people or places, and what an app's backbone makes of them."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fieldwren.app_model import AppModel
from fieldwren.errors import BadInputError, MissingToolError, UnsupportedError
from fieldwren.features import SensorFrontEnd
from fieldwren.features.audio import AudioStream
from fieldwren.features.sensor import row_windows
from fieldwren.features.wav import Pcm, read_any_wav
from fieldwren.learn.factory import Embeddings
from fieldwren.plan import Plan
from fieldwren.program import Port
from fieldwren.rows import read_rows
from fieldwren.runtime import Interpreter

_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_PEAK = 0.5
_FLOOR_DB = -58.0
"""Noise under a recording, relative to full scale: silence that no microphone delivers is kept out of the window."""
_TABLES = (".txt", ".csv")


@dataclass(frozen=True)
class Samples:
    """Embeddings [n, features] of one group (a speaker, a room) and their labels."""

    group: str
    embeddings: Embeddings
    labels: NDArray[np.str_]


def load_samples(
    model: AppModel, backbone: Plan, folder: Path, metadata: Mapping[str, bytes], only: Sequence[str] = ()
) -> list[Samples]:
    """Every group below `folder`, sorted; with `only` those alone.

    Audio: `LABEL_GROUP_INDEX.wav`, where 0 to 9 may stand for `zero` to `nine`, or `LABEL/GROUP_nohash_N.wav`. Rows: .csv
    and .txt tables, one group each, with the label as 0 or 1 in the column that the model was trained with (else the
    last one). Raises BadInputError naming the file, or the groups that there are.
    """
    if not folder.is_dir():
        raise MissingToolError(f"{folder}: there is no such folder with data")
    if model.app.kind == "keyword" and not isinstance(model.front_end, SensorFrontEnd):
        parts = _words(folder, model.labels)
    elif model.app.kind == "presence":
        parts = {path.stem: [(path, "")] for path in sorted(folder.rglob("*")) if path.suffix in _TABLES}
    else:
        raise UnsupportedError(
            f"{model.app.manifest_path}: learning is simulated for apps of kind keyword and presence, this is {model.app.kind}"
        )
    if not parts:
        kind = "no .csv or .txt tables" if model.app.kind == "presence" else "no LABEL_GROUP_INDEX.wav recordings"
        raise MissingToolError(f"{folder}: has {kind}; point --data at some")
    unknown = [name for name in only if name not in parts]
    if unknown:
        raise BadInputError(f"{folder}: has no group {unknown[0]!r}; there are {', '.join(sorted(parts))}")
    interpreter, port = Interpreter(backbone), backbone.program.inputs[0]
    made = []
    for group in only or sorted(parts):
        if isinstance(model.front_end, SensorFrontEnd):
            inputs, labels = _rows(model, model.front_end, parts[group][0][0], _label_column(metadata), port)
        else:
            inputs = _windows(model, [path for path, _ in parts[group]], port)
            labels = np.array([label for _, label in parts[group]])
        rows = [interpreter.invoke([window.reshape(port.shape)])[0].ravel() for window in inputs]
        made.append(Samples(group, np.array(rows, np.int8), labels))
    return made


def _words(folder: Path, labels: Sequence[str]) -> dict[str, list[tuple[Path, str]]]:
    """Group → recordings and what is said."""
    found: dict[str, list[tuple[Path, str]]] = {}
    for path in sorted(folder.rglob("*.wav")):
        if "_nohash_" in path.stem:
            label, group = path.parent.name, path.stem.split("_nohash_")[0]
        else:
            parts = path.stem.split("_")
            if len(parts) < 3:
                continue
            label, group = "_".join(parts[:-2]), parts[-2]
        if label not in labels and len(label) == 1 and label.isdigit():
            label = _DIGITS[int(label)]
        found.setdefault(group, []).append((path, label))
    return found


def _windows(model: AppModel, paths: Sequence[Path], port: Port) -> NDArray[Any]:
    assert not isinstance(model.front_end, SensorFrontEnd)
    stream = AudioStream(model.front_end)
    count = model.front_end.window_total_samples
    clips = np.stack([centred(read_any_wav(path, model.front_end.sample_rate_hz), count, path.stem) for path in paths])
    dtype = np.dtype(port.dtype)
    return stream.windows(clips, dtype, port.scale, port.zero_point)


def centred(pcm: Pcm, count: int, name: str) -> Pcm:
    """int16 [count]: the loudest part of a recording at half of full scale in the middle, over noise that `name` seeds."""
    samples = pcm.astype(np.float64) / 32768
    samples -= samples.mean() if len(samples) else 0.0
    if len(samples) > count:
        power = np.cumsum(np.pad(samples**2, (1, 0)))
        start = int(np.argmax(power[count:] - power[:-count]))
        samples = samples[start : start + count]
    peak = float(np.abs(samples).max(initial=0.0))
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    window = 10 ** (_FLOOR_DB / 20) * rng.standard_normal(count)
    start = (count - len(samples)) // 2
    window[start : start + len(samples)] += samples * (_PEAK / peak if peak > 0 else 0.0)
    clip: Pcm = np.clip(np.rint(window * 32768), -32768, 32767).astype(np.int16)
    return clip


def _label_column(metadata: Mapping[str, bytes]) -> str | None:
    try:
        label = json.loads(metadata["fieldwren.training"])["recipe"]["label"]
    except (KeyError, ValueError, TypeError):
        return None
    return label if isinstance(label, str) else None


def _rows(
    model: AppModel, front_end: SensorFrontEnd, path: Path, column: str | None, port: Port
) -> tuple[NDArray[Any], NDArray[np.str_]]:
    if column is None:
        with path.open(encoding="utf-8", errors="replace") as file:
            column = file.readline().strip().rsplit(",", 1)[-1].strip('"')
    values = read_rows(path, [*front_end.channels, column])
    if not np.isin(values[:, -1], (0, 1)).all() or len(model.labels) != 2:
        raise BadInputError(f"{path}: column {column} must hold 0 or 1, the numbers of the app's two labels")
    made = row_windows(front_end, values[:, :-1], np.dtype(port.dtype), port.scale, port.zero_point)
    numbers = values[made.last_row, -1].astype(np.int64)
    return made.inputs, np.array(model.labels)[numbers]
