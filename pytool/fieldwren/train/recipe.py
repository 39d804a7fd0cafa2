"""`train.toml` beside a model: everything that decides what its training gives, apart from the data."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from fieldwren.errors import BadInputError
from fieldwren.train.budget import Budget
from fieldwren.train.zoo import tables
from fieldwren.train.zoo.tables import Table as _Table


class Voices(_Table):
    """Synthetic speakers."""

    count: int
    accented: float  # share that speaks respelled words in a foreign language
    other_words: int  # words that are no class, each by a random voice
    sentences: int  # sentences without a class


class Windows(_Table):
    """How many windows are made of each clip, by corpus."""

    spoken_digits: int = 0
    speech_commands: int = 0
    recorded: int = 0  # of anybody's recordings (`train keyword`)
    espeak: int = 0
    background_share: float  # of all windows
    background_weight: float  # of a background window in the loss; below 1 misses fewer words and accepts more
    silence_and_unknown: bool = False  # two outputs for what is no class, `_silence` and `_unknown`, in place of one


class Augment(_Table):
    """Ranges of the random changes (see augment.Augmentation)."""

    speed: float
    tempo: float
    snr_db: tuple[float, float]
    gain_db: tuple[float, float]
    clean_share: float
    microphones: float = Field(0.0, ge=0, le=1)
    rooms: float = Field(0.0, ge=0, le=1)
    responses: str = ""
    # In training, see vary.Variation.
    spec_augment: float = Field(0.0, ge=0, le=1)
    freq_mixstyle: float = Field(0.0, ge=0, le=1)


class Optimise(_Table):
    """See fit.Optimisation."""

    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float = 1e-4
    mixup: float = 0.0


class Embedding(_Table):
    """What a keyword network's last layer sees, made so that it can learn other words."""

    other_words: Annotated[int, Field(ge=0, le=1000)] = 0  # windows of every recorded or spoken word that is no class
    word_loss: Annotated[float, Field(ge=0.0, le=10.0)] = 0.0  # weight of telling all words apart, see all_words
    whiten: bool = False  # see whiten; not for networks with a state


class Teacher(_Table):
    """A larger network that the model learns from besides the labels (see distil)."""

    model: str  # "transformer", or a .keras file beside the recipe or anywhere
    temperature: Annotated[float, Field(gt=0.0, le=100.0)] = 2.0  # softens the teacher's answers
    weight: Annotated[float, Field(ge=0.0, le=1.0)] = 0.7  # of the teacher's answers; the labels have the rest
    width: int = 64  # of the transformer
    blocks: int = 3
    heads: int = 4
    pretrain_epochs: int = 4  # masked patches, without labels
    epochs: int = 8  # with labels


class KeywordRecipe(_Table):
    """train.toml of a keyword model."""

    schema_version: Literal[1]
    kind: Literal["keyword"]
    seed: int
    words: tuple[str, ...] = ()  # `train keyword`: the classes; default: every word that was recorded
    front_end: dict[str, object]  # fields of features.AudioFrontEnd that differ from its defaults
    voices: Voices
    windows: Windows
    augment: Augment
    model: Annotated[tables.KeywordModel, Field(discriminator="kind")]
    optimise: Optimise
    embedding: Embedding = Embedding()
    budget: Budget | None = None
    teacher: Teacher | None = None


class TimeSplit(_Table):
    """The part of every table that is measured on: what is later is never trained on."""

    share: float = Field(gt=0, lt=1)  # of the rows, the last ones
    each: str | None = None  # column (a date, a room) whose every value is split on its own; else the file


class PresenceRecipe(_Table):
    """train.toml of a presence model."""

    schema_version: Literal[1]
    kind: Literal["presence"]
    seed: int
    channels: tuple[str, ...]  # columns of the table that the model sees
    label: str  # the column to predict
    # text in that column -> class
    labels: dict[str, str] = Field(default_factory=lambda: {"0": "vacant", "1": "occupied"})
    split: TimeSplit | None = None  # without --hold-out; default: the last fifth of every file
    row_interval_ms: float
    input_clip: tuple[float, float] | None = None  # readings beyond are faults; in the sensor's unit
    difference_rows: tuple[int, ...] = ()  # the model also sees what changed since so many rows ago
    clip: tuple[float, float]  # of the normalised values
    missing_limit: int  # rows that a missing value may be held
    balanced: bool = False  # every class weighs the same in the loss
    window_rows: int = 1  # rows that the model sees at once
    model: Annotated[tables.PresenceModel, Field(discriminator="kind")]
    optimise: Optimise
    budget: Budget | None = None
    teacher: Teacher | None = None


class SineMlp(_Table):
    """See regression.mlp."""

    kind: Literal["sine_mlp"]
    hidden: tuple[int, ...]
    harmonics: int  # features of the last hidden layer that are sines of 2 x, the others are of x


class RegressionRecipe(_Table):
    """train.toml of the sine."""

    schema_version: Literal[1]
    kind: Literal["regression"]
    seed: int
    examples: int
    domain: tuple[float, float]  # of x
    row_interval_ms: float
    ridge: float  # of the last layer's fit, see sine.head_of
    tolerance: float  # an answer this near counts as right
    model: SineMlp
    optimise: Optimise
    budget: Budget | None = None


class Conv4(_Table):
    """See conv4.conv4."""

    kind: Literal["conv4"]
    filters: tuple[int, ...]
    dropout: float


class CharactersRecipe(_Table):
    """train.toml of a model that reads characters."""

    schema_version: Literal[1]
    kind: Literal["characters"]
    seed: int
    size: int  # side of an image in pixels
    row_interval_ms: float
    reads: str  # the alphabet that the model's head knows
    test_drawers: tuple[str, ...]  # whose drawings are measured on, without --hold-out
    distortion: dict[str, float]  # fields of conv4.Distortion that differ from its defaults
    model: Conv4
    optimise: Optimise
    budget: Budget | None = None


class Autoencoder(_Table):
    """See anomaly.autoencoder."""

    kind: Literal["autoencoder"]
    hidden: tuple[int, ...]
    noise: float


class AnomalyRecipe(_Table):
    """train.toml of a model that knows what is normal."""

    schema_version: Literal[1]
    kind: Literal["anomaly"]
    seed: int
    channels: tuple[str, ...]  # columns of the table that the model sees
    row_interval_ms: float
    difference_rows: tuple[int, ...]  # it also sees what changed since so many rows ago,
    activity_rows: tuple[int, ...]  # and how much each channel moved over so many
    clip: tuple[float, float]  # of the normalised values
    missing_limit: int  # rows that a missing value may be held
    ridge: float  # see anomaly.measure_of
    alarms: float  # share of normal rows whose confidence is one half or more
    model: Autoencoder
    optimise: Optimise
    budget: Budget | None = None


Recipe = KeywordRecipe | PresenceRecipe
"""Of models that are trained as classifiers of what they are shown."""
AnyRecipe = Recipe | RegressionRecipe | CharactersRecipe | AnomalyRecipe
_KINDS: dict[object, type[AnyRecipe]] = {
    "anomaly": AnomalyRecipe,
    "characters": CharactersRecipe,
    "keyword": KeywordRecipe,
    "presence": PresenceRecipe,
    "regression": RegressionRecipe,
}


def load(path: Path) -> AnyRecipe:
    """Reads a train.toml. Raises BadInputError naming the file and the first wrong field."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInputError(f"{path} is not a readable TOML file: {error}") from error
    kind = _KINDS.get(table.get("kind"))
    if kind is None:
        raise BadInputError(f"{path}: kind is {table.get('kind')!r}, must be one of {', '.join(map(str, _KINDS))}")
    try:
        return kind.model_validate(table)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise BadInputError(f"{path}: {where}: {first['msg']}") from error


RUNNING_FRAMES = 100
"""Frames that a running mean looks back where a model with a state takes the place of one that saw whole windows."""


def with_model(recipe: AnyRecipe, name: str) -> AnyRecipe:
    """`recipe` with the network `name` in its default size, or with the one it has if that is `name`.

    A network with a state sees each frame once: a front end that takes the window's mean off takes off a running mean
    instead. Raises BadInputError for names that the kind of recipe has no network of.
    """
    choices = _networks(recipe)
    if name not in choices:
        raise BadInputError(f"there is no {recipe.kind} model {name!r}: choose one of {', '.join(choices)}")
    if recipe.model.kind == name:
        return recipe
    changes: dict[str, object] = {"model": choices[name]()}
    has_state = getattr(choices[name], "steps", False)
    if isinstance(recipe, KeywordRecipe) and has_state and "window-" in str(recipe.front_end.get("normalisation")):
        running = {"normalisation": "running-mean", "running_frames": RUNNING_FRAMES}
        changes["front_end"] = {**recipe.front_end, **running}
    return recipe.model_copy(update=changes)


def _networks(recipe: AnyRecipe) -> dict[str, Any]:
    """The tables of all networks that there are for this kind of recipe, by name."""
    if not isinstance(recipe, KeywordRecipe | PresenceRecipe):
        return {recipe.model.kind: type(recipe.model)}
    union = tables.KeywordModel if isinstance(recipe, KeywordRecipe) else tables.PresenceModel
    return {table.model_fields["kind"].default: table for table in union.__args__}


def to_toml(recipe: AnyRecipe) -> str:
    """`recipe` as the text of a train.toml that `load` reads back as the same."""
    plain = recipe.model_dump(mode="json", exclude_none=True)
    lines = ["# How model.tflite was trained, with the options of its command line", ""]
    lines += [f"{key} = {_toml(value)}" for key, value in plain.items() if not isinstance(value, dict)]
    for key, value in plain.items():
        if isinstance(value, dict):
            lines += [
                "",
                f"[{key}]",
                *(f"{_key(name)} = {_toml(part)}" for name, part in value.items() if part is not None),
            ]
    return "\n".join([*lines, ""])


def _key(name: str) -> str:
    """A bare key, or a quoted one where it has anything but letters, digits, _ and -."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name, ensure_ascii=False)


def _toml(value: object) -> str:
    """A value without tables; JSON's strings, numbers, truth values and arrays are TOML's too."""
    return json.dumps(value, ensure_ascii=False)
