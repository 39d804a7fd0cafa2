"""Recordings of single words, as every keyword data set gives them: samples, label, speaker.

All audio inside `fieldwren.train` is float32 mono at 16 kHz with full scale 1.0, without DC, and limited to the band
below 3.9 kHz: the data sets differ in bandwidth, and a model that can see that learns the data set instead of the word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fieldwren import datasets
from fieldwren.errors import BadInputError, MissingToolError
from fieldwren.features import wav

SAMPLE_RATE = 16_000
BAND_HZ = 3_900.0
DIGITS = datasets.DIGITS

SPOKEN_DIGITS = "spoken_digits"
SPEECH_COMMANDS = "speech_commands"
SYNTHETIC = "espeak"

_SPOKEN_DIGIT = re.compile(r"([0-9])_(.+)_([0-9]+)")

Audio = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Clip:
    """One recorded or synthesised word."""

    samples: Audio  # [n], 16 kHz
    label: str  # what is said
    group: str  # who says it: the unit that never appears on both sides of a split
    name: str  # file stem or text, for messages
    corpus: str = ""  # the data set it comes from
    take: int = 0  # which of the group's recordings of that word
    path: Path | None = None  # of a recording


def resample(samples: Audio, ratio: float) -> Audio:
    """`samples` stretched to `ratio` times as many by the discrete Fourier transform (band-limited interpolation).

    64 zeros on both sides keep the two ends from leaking into each other.
    """
    guard = 64
    padded = np.pad(samples.astype(np.float64), guard)
    count = max(2, round(len(padded) * ratio))
    spectrum = np.fft.rfft(padded)
    target = np.zeros(count // 2 + 1, complex)
    shared = min(len(spectrum), len(target))
    target[:shared] = spectrum[:shared]
    stretched = np.fft.irfft(target, count) * (count / len(padded))
    cut = round(guard * ratio)
    return stretched[cut : max(cut + 1, count - cut)].astype(np.float32)


def band_limited(samples: Audio) -> Audio:
    """Without DC and without anything above `BAND_HZ` (16 kHz input)."""
    spectrum = np.fft.rfft(np.pad(samples.astype(np.float64) - float(np.mean(samples)), (0, 256)))
    frequency = np.fft.rfftfreq(len(samples) + 256, 1 / SAMPLE_RATE)
    spectrum *= np.clip((BAND_HZ + 100 - frequency) / 200, 0, 1)
    return np.fft.irfft(spectrum, len(samples) + 256)[: len(samples)].astype(np.float32)


def read_wav(path: Path) -> Audio:
    """A mono 16-bit PCM WAV file of any rate, at 16 kHz and band-limited."""
    pcm, rate = wav.read_wav(path)
    if len(pcm) < rate // 100:
        raise BadInputError(f"{path}: holds less than 10 ms of audio: remove it from the data set")
    samples: Audio = pcm.astype(np.float32) / np.float32(32768)
    if rate != SAMPLE_RATE:
        samples = resample(samples, SAMPLE_RATE / rate)
    return band_limited(samples)


def load_spoken_digits(folder: Path) -> list[Clip]:
    """Free Spoken Digit Dataset: `DIGIT_SPEAKER_INDEX.wav` anywhere below `folder`; the speaker is the group."""
    files = sorted(Path(folder).rglob("[0-9]_*_*.wav"))
    if not files:
        raise MissingToolError(f"no DIGIT_SPEAKER_INDEX.wav in {folder}; point --data at the spoken digits")
    clips = []
    for file in files:
        name = _SPOKEN_DIGIT.fullmatch(file.stem)
        if name is None:
            raise BadInputError(f"{file}: is not named DIGIT_SPEAKER_INDEX.wav: rename it or take it away")
        digit, speaker, index = name.groups()
        clips.append(Clip(read_wav(file), DIGITS[int(digit)], speaker, file.stem, SPOKEN_DIGITS, int(index), file))
    return clips


def load_speech_commands(folder: Path) -> list[Clip]:
    """Speech Commands layout, `WORD/SPEAKER_nohash_N.wav` anywhere below `folder`, possibly nothing.

    The speaker is the group; the silence around the word, which is of random length, is cut off.
    """
    files = sorted(f for f in Path(folder).rglob("*_nohash_*.wav") if not f.parent.name.startswith("_"))
    return [
        Clip(
            active_part(read_wav(f)),
            f.parent.name,
            f.stem.split("_")[0],
            f"{f.parent.name}/{f.stem}",
            SPEECH_COMMANDS,
            path=f,
        )
        for f in files
    ]


def groups(clips: Iterable[Clip]) -> list[str]:
    """The distinct groups, sorted."""
    return sorted({clip.group for clip in clips})


def hold_out(clips: Sequence[Clip], name: str) -> tuple[list[Clip], list[Clip]]:
    """(everything else, only `name`), where `name` is a group or a corpus.

    Nobody is on both sides: holding out a corpus also takes its speakers' clips. Raises BadInputError when there is no
    such group or corpus, or nothing else.
    """
    held_groups = {clip.group for clip in clips if name in (clip.group, clip.corpus)}
    held = [clip for clip in clips if clip.group in held_groups]
    kept = [clip for clip in clips if clip.group not in held_groups]
    if not held or not kept:
        raise BadInputError(f"cannot hold out {name!r}: the data have {', '.join(groups(clips))}")
    return kept, held


def active_part(samples: Audio, threshold_db: float = -32.0, margin_ms: float = 15.0) -> Audio:
    """`samples` without quiet ends: from the first to the last 10 ms frame within `threshold_db` of the loudest."""
    frame = SAMPLE_RATE // 100
    count = len(samples) // frame
    if count < 2:
        return samples
    energy = np.mean(np.square(samples[: count * frame].reshape(count, frame)), axis=1)
    loud = np.flatnonzero(energy > energy.max() * 10 ** (threshold_db / 10))
    margin = round(margin_ms * SAMPLE_RATE / 1000)
    return samples[max(0, loud[0] * frame - margin) : min(len(samples), (loud[-1] + 1) * frame + margin)]


def peak_normalised(samples: Audio, peak: float = 0.5) -> Audio:
    """Scaled to a largest magnitude of `peak`; silence stays silence."""
    largest = float(np.max(np.abs(samples), initial=0.0))
    return samples if largest == 0 else (samples * np.float32(peak / largest)).astype(np.float32)
