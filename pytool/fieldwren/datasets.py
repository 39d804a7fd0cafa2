"""Labelled samples in a folder, as every verb reads them: single words, sensor tables, and continuous audio."""

from __future__ import annotations

import csv
import json
import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fieldwren.app_model import AppModel
from fieldwren.drawings import pixels_of, read_drawings
from fieldwren.errors import BadInputError, MissingToolError, UnsupportedError
from fieldwren.features import SensorFrontEnd
from fieldwren.features.audio import AudioStream
from fieldwren.features.sensor import row_windows
from fieldwren.features.wav import Pcm, duration_s, read_any_wav
from fieldwren.program import Port
from fieldwren.rows import label_names, read_cells
from fieldwren.steps import Steps, steps_in

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
SILENCE, UNKNOWN = "_silence", "_unknown"
"""Classes of an app that tells what holds no speech from words that are none of its own, in Speech Commands' manner."""
_PEAK = 0.5
_FLOOR_DB = -58.0
"""Noise under a recording, relative to full scale: silence that no microphone delivers is kept out of the window."""
_TABLES = (".txt", ".csv")
_WORD_SECONDS_MOST = 4.0
_EVENT_COLUMNS = ("start_s", "end_s", "label")

_NUMBERED = re.compile(r"(.+?)[_\- ]+[0-9]+")
_NO_SPEAKERS = (
    "audio",
    "clip",
    "file",
    "noise",
    "rec",
    "record",
    "recording",
    "sample",
    "sound",
    "take",
    "track",
    "wav",
    "word",
)

Degrade = Callable[[Pcm, str], Pcm]
"""What is done to a word's window before the front end sees it; the second argument is the recording's name."""


@dataclass(frozen=True)
class Labelled:
    """Model inputs [n, *any] of one group (a speaker, a room) in the model's dtype, and what each of them is."""

    group: str
    inputs: NDArray[Any]
    labels: NDArray[np.str_]
    steps: Steps | None = None  # of a model with a state, whose inputs are whole windows here


@dataclass(frozen=True)
class Word:
    """One recording of one word."""

    path: Path
    label: str
    group: str


@dataclass(frozen=True)
class Event:
    """Something said, or detected, in a recording."""

    label: str
    start_s: float
    end_s: float  # equal to start_s for a detection


@dataclass(frozen=True)
class Recording:
    """Continuous audio and what is said in it; no events: nothing in it is any of the app's words."""

    path: Path
    events: tuple[Event, ...]


def words_in(folder: Path, labels: Sequence[str]) -> list[Word]:
    """Recordings of single words below `folder`, by path.

    `LABEL_GROUP_INDEX.wav`, where 0 to 9 may stand for `zero` to `nine`, `LABEL/GROUP_nohash_N.wav`, or files of any name
    in folders of which at least one is called as one of `labels`. A .wav beside a .csv of its name is a recording
    (`recordings_in`), and so is one whose name has neither form, or that is named after none of `labels` and is longer
    than any word.
    """
    named_so = {path.parent for label in labels for path in folder.rglob(label) if path.is_dir()}
    found = []
    for path in sorted(folder.rglob("*.wav")):
        word = _by_name(path, labels)
        if word is None and path.parent.parent in named_so and not path.parent.name.startswith("_"):
            word = Word(path, path.parent.name, _speaker(path))
        if word is None or path.with_suffix(".csv").exists():
            continue
        if word.label in labels or duration_s(path) <= _WORD_SECONDS_MOST:
            found.append(word)
    return found


def spoken_words(folder: Path) -> list[Word]:
    """All .wav files below `folder` as recordings of words, named as in `words_in`, or else by the folder they lie in.

    The group is "" where a file's name says no speaker.
    """
    return [
        _by_name(path, ()) or Word(path, path.parent.name, _speaker(path))
        for path in sorted(folder.rglob("*.wav"))
        if not path.with_suffix(".csv").exists()
    ]


def _by_name(path: Path, labels: Sequence[str]) -> Word | None:
    """The word that a file's own name tells."""
    if "_nohash_" in path.stem:
        return Word(path, path.parent.name, path.stem.split("_nohash_")[0])
    parts = path.stem.split("_")
    if len(parts) < 3 or not parts[-1].isdigit():
        return None
    label, group = "_".join(parts[:-2]), parts[-2]
    if label not in labels and len(label) == 1 and label.isdigit():
        label = DIGITS[int(label)]
    return Word(path, label, group)


def _speaker(path: Path) -> str:
    """Who spoke, where a file in a word's folder is called SPEAKER_N or SPEAKER-N; "" if it does not say."""
    name = _NUMBERED.fullmatch(path.stem)
    if name is None:
        return ""
    speaker = name.group(1)
    says_nothing = {path.parent.name.lower(), *_NO_SPEAKERS}
    return "" if speaker.lower() in says_nothing or not any(c.isalpha() for c in speaker) else speaker


def recordings_in(folder: Path, labels: Sequence[str]) -> list[Recording]:
    """Continuous audio below `folder`: X.wav with X.csv (`start_s,end_s,label`), or X.wav alone, in which nothing is said.

    Raises BadInputError naming the table and the line that is wrong.
    """
    single = {word.path for word in words_in(folder, labels)}
    return [
        Recording(path, _events(path.with_suffix(".csv")))
        for path in sorted(folder.rglob("*.wav"))
        if path not in single
    ]


def _events(path: Path) -> tuple[Event, ...]:
    if not path.exists():
        return ()
    found = []
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            table = csv.DictReader(file)
            if table.fieldnames and not {*_EVENT_COLUMNS} <= {*table.fieldnames}:
                raise BadInputError(f"{path}:1: must be a header with {', '.join(_EVENT_COLUMNS)}")
            for number, row in enumerate(table, start=2):
                if any(row.get(column) in (None, "") for column in _EVENT_COLUMNS):
                    raise BadInputError(f"{path}:{number}: must have {', '.join(_EVENT_COLUMNS)}")
                try:
                    event = Event(row["label"].strip(), float(row["start_s"]), float(row["end_s"]))
                except ValueError as error:
                    raise BadInputError(f"{path}:{number}: start_s and end_s must be seconds") from error
                if not 0.0 <= event.start_s <= event.end_s < 1e9:
                    raise BadInputError(f"{path}:{number}: an event must start at 0 or later, and end after its start")
                found.append(event)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadInputError(f"{path}: is not a readable table: {error}") from error
    return tuple(sorted(found, key=lambda event: event.start_s))


def tables_in(folder: Path) -> list[Path]:
    """The .csv and .txt tables below `folder`, by path. Raises MissingToolError where there is none."""
    files = sorted(path for path in folder.rglob("*") if path.suffix in _TABLES and path.is_file())
    if not files:
        raise MissingToolError(f"no .csv or .txt table in {folder}; point --data at the sensor tables")
    return files


def load_labelled(
    model: AppModel,
    port: Port,
    folder: Path,
    metadata: Mapping[str, bytes],
    only: Sequence[str] = (),
    *,
    degrade: Degrade | None = None,
) -> list[Labelled]:
    """Model inputs of every group below `folder`, sorted; with `only` those groups alone.

    Drawings as in `drawings.read_drawings`.
    Audio as in `words_in`. Rows: .csv and .txt tables, one group each, with the label in the column and as the texts
    that the model was trained with (`metadata`; else the last one, and labels or their numbers).
    `port` is the model's input. Raises BadInputError naming the file, or the groups that there are, and
    MissingToolError where nothing is found.
    """
    if model.app.kind == "characters":
        return _drawn(model, port, folder, only)
    if not folder.is_dir():
        raise MissingToolError(f"{folder}: there is no such folder with data")
    is_audio = not isinstance(model.front_end, SensorFrontEnd)
    parts: dict[str, list[tuple[Path, str]]] = {}
    if model.app.kind == "keyword" and is_audio:
        for word in words_in(folder, model.labels):
            parts.setdefault(word.group, []).append((word.path, word.label))
    elif model.app.kind == "presence" and not is_audio:
        parts = {path.stem: [(path, "")] for path in sorted(folder.rglob("*")) if path.suffix in _TABLES}
    else:
        raise UnsupportedError(
            f"{model.app.manifest_path}: labelled samples are read for apps of kind keyword and presence, "
            f"this is {model.app.kind}"
        )
    if not parts:
        kind = "no LABEL_GROUP_INDEX.wav recordings" if is_audio else "no .csv or .txt tables"
        raise MissingToolError(f"{folder}: has {kind}; point --data at some")
    unknown = [name for name in only if name not in parts]
    if unknown:
        raise BadInputError(f"{folder}: has no group {unknown[0]!r}; there are {', '.join(sorted(parts))}")
    steps = steps_in(metadata) if is_audio else None
    made = []
    for group in only or sorted(parts):
        if isinstance(model.front_end, SensorFrontEnd):
            inputs, labels = _rows(model, model.front_end, parts[group][0][0], metadata, port)
        else:
            inputs = _windows(model, [path for path, _ in parts[group]], port, degrade, steps)
            labels = np.array([label for _, label in parts[group]])
        made.append(Labelled(group, inputs, labels, steps))
    return made


def _windows(
    model: AppModel, paths: Sequence[Path], port: Port, degrade: Degrade | None, steps: Steps | None
) -> NDArray[Any]:
    front_end = model.front_end
    assert not isinstance(front_end, SensorFrontEnd)
    if steps is not None:
        front_end = replace(front_end, window_frames=steps.window_frames)
    stream = AudioStream(front_end)
    count, rate = front_end.window_total_samples, front_end.sample_rate_hz
    clips = [(path.stem, centred(read_any_wav(path, rate), count, path.stem)) for path in paths]
    if degrade is not None:
        clips = [(name, degrade(clip, name)) for name, clip in clips]
    return stream.windows(np.stack([clip for _, clip in clips]), np.dtype(port.dtype), port.scale, port.zero_point)


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


def with_noise(snr_db: float) -> Degrade:
    """White noise `snr_db` below the mean power of the whole window, seeded by the recording's name."""

    def degrade(clip: Pcm, name: str) -> Pcm:
        rng = np.random.default_rng([1, zlib.crc32(name.encode())])
        level = float(np.sqrt(np.mean(np.square(clip.astype(np.float64))))) * 10 ** (-snr_db / 20)
        noisy: Pcm = np.clip(np.rint(clip + level * rng.standard_normal(len(clip))), -32768, 32767).astype(np.int16)
        return noisy

    return degrade


def image_rows(front_end: SensorFrontEnd, ink: Sequence[NDArray[np.float32]]) -> NDArray[np.int8]:
    """Images [n] of ink as the rows [n * height, width] that an app for characters is sent."""
    size = len(front_end.channels)
    if front_end.element != "int8" or front_end.window_frames != size:
        raise BadInputError("the front end takes no square images of int8 rows")
    return np.concatenate([pixels_of(drawing, size) for drawing in ink])


def _drawn(model: AppModel, port: Port, source: Path, only: Sequence[str]) -> list[Labelled]:
    """Drawings in Omniglot's layout; the groups are alphabets."""
    front_end = model.front_end
    if not isinstance(front_end, SensorFrontEnd):
        raise BadInputError(f"{model.app.model_path}: an app for characters takes images, and this model hears audio")
    if not source.exists():
        raise MissingToolError(f"{source}: there is no such folder or .zip with drawings")
    drawings = read_drawings(source, only)
    made = []
    for alphabet in only or dict.fromkeys(drawing.alphabet for drawing in drawings):
        part = [drawing for drawing in drawings if drawing.alphabet == alphabet]
        rows = image_rows(front_end, [drawing.ink for drawing in part])
        windows = row_windows(front_end, rows, np.dtype(port.dtype), port.scale, port.zero_point)
        made.append(Labelled(alphabet, windows.inputs, np.array([drawing.label for drawing in part])))
    return made


def _labels_in_training(metadata: Mapping[str, bytes]) -> tuple[str | None, dict[str, str] | None]:
    """The label's column, and which text in it is which class, as the model's training had them."""
    try:
        recipe = json.loads(metadata["fieldwren.training"])["recipe"]
        column, names = recipe["label"], recipe.get("labels")
    except (KeyError, ValueError, TypeError, AttributeError):
        return None, None
    is_map = isinstance(names, dict) and all(isinstance(name, str) for name in names.values())
    return (column if isinstance(column, str) else None), (names if is_map else None)


def _rows(
    model: AppModel, front_end: SensorFrontEnd, path: Path, metadata: Mapping[str, bytes], port: Port
) -> tuple[NDArray[Any], NDArray[np.str_]]:
    cells = read_cells(path)
    column, names = _labels_in_training(metadata)
    column = column or cells.header[-1]
    if names is None or not set(names.values()) <= set(model.labels):
        names = {str(number): label for number, label in enumerate(model.labels)} | {n: n for n in model.labels}
    labels = np.array(label_names(cells, column, names))
    values = cells.numbers(front_end.channels)
    made = row_windows(front_end, values, np.dtype(port.dtype), port.scale, port.zero_point)
    return made.inputs, labels[made.last_row]
