"""Training the keyword example: recordings and synthetic voices in, an int8 DS-CNN with an honest figure out."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fieldwren.datasets import SILENCE, UNKNOWN
from fieldwren.errors import BadInputError
from fieldwren.features import AudioFrontEnd, from_json
from fieldwren.train import clips as clip_module
from fieldwren.train import synth, vocabulary, windowset
from fieldwren.train.augment import Augmentation
from fieldwren.train.clips import DIGITS, SPEECH_COMMANDS, SPOKEN_DIGITS, SYNTHETIC, Clip
from fieldwren.train.recipe import KeywordRecipe
from fieldwren.train.windows import BACKGROUND, Sources
from fieldwren.train.windowset import WindowSet

ALL_RECORDINGS = "recordings"
"""Name to hold out: all people, so that only synthetic voices are trained on."""
OFFICIAL_TEST = 5  # the Free Spoken Digit Dataset tests on the recordings with an index below this


@dataclass(frozen=True)
class KeywordData:
    """Windows to train on and clips to measure with; no group is in both."""

    front_end: AudioFrontEnd
    classes: tuple[str, ...]  # without the background
    train: WindowSet
    held_out: list[Clip]  # words to measure with
    measured_on: str  # what they are
    recorded: list[Clip]  # what people said in training, for a learner to rehearse with
    words: npt.NDArray[np.int64]  # [n] the word in each training window, see windowset.with_other_words
    word_count: int
    separate: bool = False  # silence and unknown words are classes of their own

    def weights(self, background: float) -> npt.NDArray[np.float32]:
        """[n] of the training windows in the loss: `background` of those, and nothing of whole other words.

        Those are there for the embedding; as background they would take in classes with an accent that training lacks.
        """
        of_background = np.where(self.words == windowset.NO_WORD, background, 0.0)
        is_background = self.train.labels < windowset.first_class(self.separate)
        return np.where(is_background, of_background, 1.0).astype(np.float32)

    @property
    def labels(self) -> list[str]:
        """Names of the model's outputs, in order."""
        return [*([SILENCE, UNKNOWN] if self.separate else [BACKGROUND]), *self.classes]


def front_end_of(recipe: KeywordRecipe) -> AudioFrontEnd:
    """The front end that the recipe's model sees. Raises BadInputError for fields that it does not have."""
    made = from_json(json.dumps({"schema": 1, "kind": AudioFrontEnd.kind, **recipe.front_end}))
    assert isinstance(made, AudioFrontEnd)  # the kind says so
    return made


def synthetic(recipe: KeywordRecipe, classes: Sequence[str], seed: int) -> Sources:
    """What the synthetic speakers say: the classes, other words, sentences."""
    speakers = synth.voices(recipe.voices.count, seed, recipe.voices.accented)
    plain = [voice for voice in speakers if not voice.respelled]
    others = vocabulary.training_words()
    rng = np.random.default_rng([seed, 1])

    def spoken(text: str, index: int) -> Clip:
        voice = plain[index % len(plain)]
        return Clip(synth.say(text, voice), "", voice.name, text, SYNTHETIC)

    return Sources(
        synth.spoken_words(classes, speakers),
        [spoken(str(rng.choice(others)), i) for i in range(recipe.voices.other_words)],
        [spoken(vocabulary.sentence(others, rng), i) for i in range(recipe.voices.sentences)],
    )


def load(
    recipe: KeywordRecipe,
    folder: Path,
    *,
    hold_out: str | None,
    without_classes: Sequence[str],
    seed: int,
    progress: Callable[[str], None],
) -> KeywordData:
    """Recordings below `folder`, synthetic voices, and the windows made of them.

    `hold_out` names a speaker or a corpus that training never hears, or ALL_RECORDINGS. Without it the recordings 0 to 4 of every spoken
    digit and speaker are kept for measuring, the data set's own split. `without_classes` are digits to leave out.
    """
    unknown = sorted(set(without_classes) - set(DIGITS))
    if unknown:
        raise BadInputError(f"cannot leave out {', '.join(unknown)}: the classes are {', '.join(DIGITS)}")
    classes = tuple(d for d in DIGITS if d not in without_classes)
    recorded = clip_module.load_spoken_digits(folder) + clip_module.load_speech_commands(folder)
    if hold_out == ALL_RECORDINGS:
        recorded, held = [], [c for c in recorded if c.corpus == SPOKEN_DIGITS]
        measured_on = "people: training heard synthetic voices only"
    elif hold_out is not None:
        recorded, held = clip_module.hold_out(recorded, hold_out)
        measured_on = hold_out
    else:
        held = [c for c in recorded if c.corpus == SPOKEN_DIGITS and c.take < OFFICIAL_TEST]
        recorded = [c for c in recorded if c.corpus != SPOKEN_DIGITS or c.take >= OFFICIAL_TEST]
        measured_on = f"recordings 0 to {OFFICIAL_TEST - 1} of every digit of the speakers in training"
    held_words = [c for c in held if c.label in classes]
    nothing_recorded = hold_out != ALL_RECORDINGS and not any(c.label in classes for c in recorded)
    if not held_words or nothing_recorded:
        raise BadInputError(
            f"{folder}: nothing is left to train on, or nothing to measure on ({measured_on}): "
            f"name one of the speakers with --hold-out: {', '.join(clip_module.groups([*recorded, *held]))}"
        )
    progress(f"{len(recorded)} recordings of {len(clip_module.groups(recorded))} speakers")
    spoken = synthetic(recipe, classes, seed)
    words = [c for c in recorded if c.label in classes]
    others = [c for c in recorded if c.label not in DIGITS]
    recorded = words + others
    # The few recorded words are repeated until they weigh as much as the many synthetic ones.
    weight = max(1, round(len(spoken.others) / max(1, len(others))))
    others = others * weight + list(spoken.others)
    front_end, separate = front_end_of(recipe), recipe.windows.silence_and_unknown
    if separate:
        held_words += [replace(c, label=UNKNOWN) for c in held if c.label not in DIGITS]
    ranges = Augmentation(**recipe.augment.model_dump(exclude={"spec_augment", "freq_mixstyle"}))
    per_clip = {
        SPOKEN_DIGITS: recipe.windows.spoken_digits,
        SPEECH_COMMANDS: recipe.windows.speech_commands,
        SYNTHETIC: recipe.windows.espeak,
    }
    parts: dict[str, list[Clip]] = {}
    for clip in [*words, *spoken.words]:
        parts.setdefault(clip.group if clip.corpus == SPOKEN_DIGITS else clip.corpus, []).append(clip)
    sets = []
    for part, members in sorted(parts.items()):
        progress(f"windows of {len(members)} words: {part}")
        sets.append(
            windowset.make(
                front_end,
                Sources(members, others, spoken.speech),
                classes,
                ranges,
                per_clip=per_clip[members[0].corpus],
                background_share=recipe.windows.background_share,
                seed=seed,
                separate=separate,
            )
        )
    train, names, count = windowset.with_other_words(
        front_end,
        windowset.joined(sets),
        Sources(words, others, spoken.speech),
        classes,
        ranges,
        per_clip=recipe.embedding.other_words,
        seed=seed,
        separate=separate,
    )
    return KeywordData(front_end, classes, train, held_words, measured_on, recorded, names, count, separate)
