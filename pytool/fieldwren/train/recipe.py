"""`train.toml` beside a model: everything that decides what its training gives, apart from the data."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fieldwren.errors import BadInputError


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Voices(_Table):
    """Synthetic speakers."""

    count: int
    accented: float  # share that speaks respelled words in a foreign language
    other_words: int  # words that are no class, each by a random voice
    sentences: int  # sentences without a class


class Windows(_Table):
    """How many windows are made of each clip, by corpus."""

    spoken_digits: int
    speech_commands: int
    espeak: int
    background_share: float  # of all windows
    background_weight: float  # of a background window in the loss; below 1 misses fewer words and accepts more


class Augment(_Table):
    """Ranges of the random changes (see augment.Augmentation)."""

    speed: float
    tempo: float
    snr_db: tuple[float, float]
    gain_db: tuple[float, float]
    clean_share: float


class Optimise(_Table):
    """See fit.Optimisation."""

    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float = 1e-4


class DsCnn(_Table):
    """See models.ds_cnn."""

    kind: Literal["ds_cnn"]
    channels: int
    blocks: int
    dropout: float


class DsCnnStream(_Table):
    """See models.ds_cnn_stream. `strides` in time and across; a hop of as many frames as the first costs least."""

    kind: Literal["ds_cnn_stream"]
    channels: int
    blocks: int
    dropout: float
    kernel: tuple[int, int] = (10, 4)
    strides: tuple[int, int] = (2, 2)


class Mlp(_Table):
    """See models.mlp."""

    kind: Literal["mlp"]
    hidden: tuple[int, ...]
    l2: float


class KeywordRecipe(_Table):
    """train.toml of a keyword model."""

    schema_version: Literal[1]
    kind: Literal["keyword"]
    seed: int
    front_end: dict[str, object]  # fields of features.AudioFrontEnd that differ from its defaults
    voices: Voices
    windows: Windows
    augment: Augment
    model: Annotated[DsCnn | DsCnnStream, Field(discriminator="kind")]
    optimise: Optimise


class PresenceRecipe(_Table):
    """train.toml of a presence model."""

    schema_version: Literal[1]
    kind: Literal["presence"]
    seed: int
    channels: tuple[str, ...]  # columns of the table that the model sees
    label: str  # the column to predict, 0 or 1
    row_interval_ms: float
    clip: tuple[float, float]  # of the normalised values
    missing_limit: int  # rows that a missing value may be held
    model: Mlp
    optimise: Optimise


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


Recipe = KeywordRecipe | PresenceRecipe | RegressionRecipe | CharactersRecipe | AnomalyRecipe
_KINDS: dict[
    object,
    type[KeywordRecipe] | type[PresenceRecipe] | type[RegressionRecipe] | type[CharactersRecipe] | type[AnomalyRecipe],
] = {
    "anomaly": AnomalyRecipe,
    "characters": CharactersRecipe,
    "keyword": KeywordRecipe,
    "presence": PresenceRecipe,
    "regression": RegressionRecipe,
}


def load(path: Path) -> Recipe:
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
