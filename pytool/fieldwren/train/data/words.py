"""A folder of recordings of single words, whatever it calls them: words, speakers, background noise, official lists.

Read are `DIGIT_SPEAKER_INDEX.wav` and `WORD_SPEAKER_INDEX.wav`, Speech Commands (`WORD/SPEAKER_nohash_N.wav`, with
`validation_list.txt`, `testing_list.txt` and `_background_noise_`), and one folder a word with files of any name.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fieldwren.datasets import Word, spoken_words
from fieldwren.errors import BadInputError, MissingToolError
from fieldwren.features.wav import read_any_wav
from fieldwren.train.clips import SAMPLE_RATE, SPEECH_COMMANDS, Audio, Clip, active_part, band_limited, groups
from fieldwren.train.data.duplicates import copied_clips
from fieldwren.train.windows import NOISE

RECORDED = "recorded"
UNKNOWN = ""
"""The group of recordings whose file names say no speaker."""

_LISTS = {"validation_list.txt": "validation", "testing_list.txt": "test"}
NOISE_PART_S = 4.0
_HELD_SHARE = 0.2


@dataclass(frozen=True)
class Recorded:
    """All that a folder holds. `part` of a clip, by its place in `clips`, is "test", "validation" or "training"."""

    clips: tuple[Clip, ...]
    parts: tuple[str, ...] | None  # None: no official lists
    noise: tuple[Clip, ...]  # pieces of background recordings, without a word


@dataclass(frozen=True)
class Split:
    """Clips to train on and to measure with, what separates them, and what a user should know about that."""

    kept: tuple[Clip, ...]
    held: tuple[Clip, ...]
    measured_on: str
    notes: tuple[str, ...] = ()


def read_words(folder: Path) -> Recorded:
    """Every recording below `folder`, at 16 kHz and band-limited like all training audio.

    Raises MissingToolError where there is none, BadInputError naming the file that cannot be used.
    """
    found = [word for word in spoken_words(folder) if not word.path.parent.name.startswith("_")]
    if not found:
        raise MissingToolError(f"{folder}: has no recordings: put them into one folder a word")
    takes: dict[tuple[str, str], int] = {}
    clips = []
    for word in found:
        take = takes[word.label, word.group] = takes.get((word.label, word.group), -1) + 1
        name = word.path.relative_to(folder).with_suffix("").as_posix()
        corpus = SPEECH_COMMANDS if "_nohash_" in word.path.stem else RECORDED
        clips.append(Clip(active_part(_read(word.path)), word.label, word.group, name, corpus, take, word.path))
    noise = [
        Clip(piece, "", file.stem, file.stem, NOISE)
        for file in sorted(folder.rglob(f"{NOISE}/*.wav"))
        for piece in _pieces(_read(file))
    ]
    return Recorded(tuple(clips), _official(folder, found), tuple(noise))


def _read(path: Path) -> Audio:
    pcm = read_any_wav(path, SAMPLE_RATE)
    if len(pcm) < SAMPLE_RATE // 100:
        raise BadInputError(f"{path}: holds less than 10 ms of audio: remove it from the data set")
    return band_limited(pcm.astype(np.float32) / np.float32(32768))


def _pieces(samples: Audio) -> list[Audio]:
    length = round(NOISE_PART_S * SAMPLE_RATE)
    return [samples[start : start + length] for start in range(0, max(1, len(samples) - SAMPLE_RATE), length)]


def _official(folder: Path, found: Sequence[Word]) -> tuple[str, ...] | None:
    """What the lists beside the word folders say of each recording."""
    listed: dict[Path, str] = {}
    for name, part in _LISTS.items():
        for file in sorted(folder.rglob(name)):
            for line in file.read_text(encoding="utf-8").split():
                listed[file.parent / line] = part
    if not any(listed.get(word.path) == "test" for word in found):
        return None
    return tuple(listed.get(word.path, "training") for word in found)


def split_words(recorded: Recorded, hold_out: str | None) -> Split:
    """Speakers, or where they are not known times, on one side each.

    With `hold_out` that speaker, or corpus, is measured on. Without it the official test list if there is one; else about
    a fifth of the speakers, drawn by their names; else the last fifth of every word's files, by name. What is on both
    sides all the same (a copy under another name, a speaker of an official list) is taken out of the training.
    """
    clips = recorded.clips
    notes: list[str] = []
    if hold_out is not None:
        members = {clip.group for clip in clips if hold_out in (clip.group, clip.corpus)}
        held = [clip for clip in clips if clip.group in members]
        kept = [clip for clip in clips if clip.group not in members]
        if not held or not kept or hold_out == UNKNOWN:
            raise BadInputError(
                f"cannot hold out {hold_out!r}: the data have {', '.join(_named(clips)) or 'no speakers'}"
            )
        measured_on = hold_out
    elif recorded.parts is not None:
        held = [clip for clip, part in zip(clips, recorded.parts, strict=True) if part == "test"]
        kept = [clip for clip, part in zip(clips, recorded.parts, strict=True) if part == "training"]
        measured_on = "the official test list"
    elif len(_named(clips)) >= 2:
        members = _some(_named(clips))
        held = [clip for clip in clips if clip.group in members]
        kept = [clip for clip in clips if clip.group not in members]
        measured_on = f"{len(members)} of {len(_named(clips))} speakers: {', '.join(sorted(members)[:5])}"
    else:
        held = [clip for clip in clips if _is_last(clip, clips)]
        kept = [clip for clip in clips if not _is_last(clip, clips)]
        measured_on = "the last fifth of every word's recordings"
        notes.append(
            "warning: the file names say one speaker at most, so the figure is of a voice that training heard: name the "
            "files SPEAKER_N.wav"
        )
    return _apart(kept, held, measured_on, notes)


def _apart(kept: list[Clip], held: list[Clip], measured_on: str, notes: list[str]) -> Split:
    both = {clip.group for clip in kept} & {clip.group for clip in held} - {UNKNOWN}
    if both and "official" in measured_on:
        notes.append(f"warning: {len(both)} speakers of the official test list are left out of the training")
        kept = [clip for clip in kept if clip.group not in both]
    copies = {one for one, _ in copied_clips(kept, held)}
    if copies:
        notes.append(
            f"warning: {len(copies)} recordings are copies of some that are measured on, and left out of the training"
        )
        kept = [clip for clip in kept if clip.name not in copies]
    return Split(tuple(kept), tuple(held), measured_on, tuple(notes))


def _named(clips: Sequence[Clip]) -> list[str]:
    return [name for name in groups(clips) if name != UNKNOWN]


def _some(names: Sequence[str]) -> set[str]:
    """About a fifth of `names`, at least one and never all, the same ones whatever else is among them."""
    ordered = sorted(names, key=lambda name: (zlib.crc32(name.encode()), name))
    return set(ordered[: max(1, round(_HELD_SHARE * len(ordered)))])


def _is_last(clip: Clip, clips: Sequence[Clip]) -> bool:
    count = sum(other.label == clip.label and other.group == clip.group for other in clips)
    return clip.take >= count - max(1, round(_HELD_SHARE * count))


def relabelled(clips: Sequence[Clip], label: str) -> list[Clip]:
    """The same clips under another label."""
    return [replace(clip, label=label) for clip in clips]
