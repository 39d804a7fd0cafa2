"""Training on anybody's recordings of single words: a folder a word in, an int8 model that hears them out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from fieldwren.datasets import UNKNOWN
from fieldwren.errors import BadInputError, MissingToolError
from fieldwren.train import synth, vocabulary, windowset
from fieldwren.train.augment import Augmentation
from fieldwren.train.clips import SYNTHETIC, Clip
from fieldwren.train.data.words import read_words, split_words
from fieldwren.train.digits import KeywordData, front_end_of
from fieldwren.train.recipe import KeywordRecipe
from fieldwren.train.windows import Sources

FEWEST = 2  # recordings of a word on each side of the split


def load(
    recipe: KeywordRecipe,
    folder: Path,
    *,
    hold_out: str | None,
    without_classes: Sequence[str],
    seed: int,
    progress: Callable[[str], None],
) -> KeywordData:
    """Recordings below `folder` (see data.words), perhaps synthetic voices, and the windows made of them.

    The classes are the recipe's `words`, else every word that there is; all others are background, as are the folder's
    background noise and what espeak-ng says. Without espeak-ng the recordings alone have to do.
    """
    recorded = read_words(folder)
    said = sorted({clip.label for clip in recorded.clips})
    classes = tuple(word for word in (recipe.words or said) if word not in without_classes)
    unknown = sorted({*classes, *without_classes} - set(said))
    if unknown:
        raise BadInputError(f"{folder}: has no recordings of {', '.join(unknown)}; there are {', '.join(said)}")
    if not classes:
        raise BadInputError(f"{folder}: no word is left to learn")
    split = split_words(recorded, hold_out)
    for note in split.notes:
        progress(note)
    words = [clip for clip in split.kept if clip.label in classes]
    held = [clip for clip in split.held if clip.label in classes]
    for side, clips in (("train on", words), ("measure with", held)):
        few = [
            word for word in classes if sum(clip.label == word for clip in clips) < (FEWEST if side[0] == "t" else 0)
        ]
        if few or not clips:
            raise BadInputError(
                f"{folder}: has too few recordings of {', '.join(few or classes)} to {side} ({split.measured_on}): record "
                f"at least {FEWEST} a word and side, or leave the word out with --without-classes"
            )
    progress(f"{len(words)} recordings of {len(classes)} words, {len(held)} to measure with: {split.measured_on}")
    others = [clip for clip in split.kept if clip.label not in classes]
    voices = _synthetic(recipe, classes, seed, progress)
    # Few recorded other words are repeated until they weigh as much as the many synthetic ones.
    weight = max(1, round(len(voices.others) / max(1, len(others))))
    others = others * weight + list(voices.others)
    speech = [*recorded.noise, *voices.speech]
    front_end, separate = front_end_of(recipe), recipe.windows.silence_and_unknown
    if separate:
        held += [replace(clip, label=UNKNOWN) for clip in split.held if clip.label not in classes]
    ranges = Augmentation(**recipe.augment.model_dump(exclude={"spec_augment", "freq_mixstyle"}))
    sets = []
    for name, members, count in (
        ("recorded", words, recipe.windows.recorded),
        (SYNTHETIC, list(voices.words), recipe.windows.espeak),
    ):
        if not members or not count:
            continue
        progress(f"windows of {len(members)} words: {name}")
        sets.append(
            windowset.make(
                front_end,
                Sources(members, others, speech),
                classes,
                ranges,
                per_clip=count,
                background_share=recipe.windows.background_share,
                seed=seed,
                separate=separate,
            )
        )
    train, names, count = windowset.with_other_words(
        front_end,
        windowset.joined(sets),
        Sources(words, others, speech),
        classes,
        ranges,
        per_clip=recipe.embedding.other_words,
        seed=seed,
        separate=separate,
    )
    return KeywordData(front_end, classes, train, held, split.measured_on, list(split.kept), names, count, separate)


def _synthetic(recipe: KeywordRecipe, classes: Sequence[str], seed: int, progress: Callable[[str], None]) -> Sources:
    """What espeak-ng says: the classes, other words, and sentences of those."""
    if not recipe.voices.count:
        return Sources([], [], [])
    try:
        synth.espeak()
    except MissingToolError as error:
        progress(f"warning: {error}: going on with the recordings alone")
        return Sources([], [], [])
    speakers = synth.voices(recipe.voices.count, seed, recipe.voices.accented)
    plain = [voice for voice in speakers if not voice.respelled] or speakers
    spelled = [word.replace("_", " ").replace("-", " ") for word in classes]
    words = [word for word in vocabulary.training_words() if word not in spelled]
    rng = np.random.default_rng([seed, 1])

    def spoken(text: str, index: int) -> Clip:
        voice = plain[index % len(plain)]
        return Clip(synth.say(text, voice), "", voice.name, text, SYNTHETIC)

    return Sources(
        [
            Clip(synth.say(text, voice), word, voice.name, text, SYNTHETIC)
            for voice in speakers
            for word, text in zip(classes, spelled, strict=True)
        ],
        [spoken(str(rng.choice(words)), i) for i in range(recipe.voices.other_words)],
        [spoken(vocabulary.sentence(words, rng), i) for i in range(recipe.voices.sentences)],
    )
