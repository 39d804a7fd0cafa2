"""The same rows, the same recording or the same speaker on both sides of a split."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from fieldwren.train.clips import SAMPLE_RATE, Audio, Clip
from fieldwren.train.data.columns import Finding
from fieldwren.train.data.predict import Real

SEQUENCE_ROWS = 5
OFTEN = 0.02  # share of one side's rows that must be on the other beyond what repeats by itself
_BANDS = 512
_ALIKE = 0.99  # likeness of the spectra of a recording and its copy
_SAME = 0.98  # correlation of their samples


def repeated_rows(train: Sequence[Real], test: Sequence[Real]) -> Finding | None:
    """Tables [n, columns] of the test that were copied, at least in part, from those of the training.

    Coarse sensors repeat themselves, so rows are compared alone only where nearly all are different, else five in a row,
    and only what exceeds the training rows' own repetitions counts.
    """
    distinct = len({key for table in train for key in _keys(table, 1)})
    length = 1 if distinct >= 0.95 * sum(map(len, train)) else SEQUENCE_ROWS
    kept = [key for table in train for key in _keys(table, length)]
    held = [key for table in test for key in _keys(table, length)]
    if not kept or not held:
        return None
    seen = set(kept)
    usual = 1 - len(seen) / len(kept)
    shared = sum(key in seen for key in held) / len(held)
    if shared <= 3 * usual + OFTEN:
        return None
    return Finding(
        "leak",
        "copied rows",
        "rows",
        f"{100 * shared:.1f} % of the rows that are measured on are rows of the training too",
    )


def _keys(table: Real, length: int) -> Iterable[bytes]:
    rows = np.ascontiguousarray(np.asarray(table, np.float64))
    for start in range(len(rows) - length + 1):
        part = rows[start : start + length]
        if length == 1 or (part != part[0]).any():
            yield hashlib.blake2b(part.tobytes(), digest_size=12).digest()


def shared_groups(train: Iterable[Clip], test: Iterable[Clip]) -> Finding | None:
    """Speakers that are heard in training and measured on."""
    both = sorted({clip.group for clip in train} & {clip.group for clip in test})
    if not both:
        return None
    shown = ", ".join(both[:5]) + (f" and {len(both) - 5} more" if len(both) > 5 else "")
    return Finding("leak", "shared speakers", shown, f"{shown}: heard in training and measured on")


def copied_clips(train: Sequence[Clip], test: Sequence[Clip]) -> list[tuple[str, str]]:
    """(name in training, name in test) of recordings that are the same but for level and the silence around them."""
    if not train or not test:
        return []
    first, second = _spectra(train), _spectra(test)
    found = []
    for place in range(0, len(second), 256):
        likeness = second[place : place + 256] @ first.T
        for row, column in zip(*np.nonzero(likeness > _ALIKE), strict=True):
            one, other = train[int(column)], test[place + int(row)]
            if one is not other and _correlation(one.samples, other.samples) > _SAME:
                found.append((one.name, other.name))
    return found


def _spectra(clips: Sequence[Clip]) -> npt.NDArray[np.float32]:
    """[n, bands] of unit length: the magnitude in narrow bands, which neither level nor silence around a word changes."""
    made = np.zeros((len(clips), _BANDS), np.float32)
    for row, clip in zip(made, clips, strict=True):
        power = np.square(np.abs(np.fft.rfft(clip.samples, 1 << (len(clip.samples) - 1).bit_length())))
        edges = np.linspace(0, len(power) - 1, _BANDS + 1)
        total = np.interp(edges, np.arange(len(power) + 1), np.concatenate([[0.0], np.cumsum(power)]))
        level = np.sqrt(np.maximum(0, np.diff(total)))
        row[:] = level / (np.linalg.norm(level) + 1e-12)
    return made


def _correlation(one: Audio, other: Audio) -> float:
    """The largest normalised cross-correlation over all shifts, of at most two seconds of each."""
    a, b = (x[: 2 * SAMPLE_RATE].astype(np.float64) for x in (one, other))
    count = 1 << (len(a) + len(b)).bit_length()
    product = np.fft.irfft(np.fft.rfft(a, count) * np.conj(np.fft.rfft(b, count)), count)
    return float(np.max(np.abs(product)) / (np.linalg.norm(a) * np.linalg.norm(b) + 1e-12))


def one_group_only(clips: Sequence[Clip]) -> list[Finding]:
    """The same recording under the names of two speakers, or as two words: no split by speaker can hold then."""
    found = []
    names = {clip.name: clip for clip in clips}
    for one, other in copied_clips(clips, clips):
        a, b = names[one], names[other]
        if a.name < b.name and (a.group != b.group or a.label != b.label):
            what = "two speakers" if a.group != b.group else "two words"
            found.append(
                Finding("leak", "copied recording", f"{one}, {other}", f"{one} and {other}: one recording, {what}")
            )
    return found
