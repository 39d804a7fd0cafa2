"""`[model]` of a train.toml: one table for each network, each with defaults of a size that fits a Cortex-M4 board."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(ge=1, le=4096)]
Share = Annotated[float, Field(ge=0.0, lt=1.0)]


class Table(BaseModel):
    """A part of a recipe; unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class DsCnn(Table):
    """See models.ds_cnn."""

    kind: Literal["ds_cnn"] = "ds_cnn"
    channels: Count = 64
    blocks: Count = 4
    dropout: Share = 0.3


class DsCnnStream(Table):
    """See models.ds_cnn_stream. `strides` in time and across; a hop of as many frames as the first costs least."""

    kind: Literal["ds_cnn_stream"] = "ds_cnn_stream"
    channels: Count = 64
    blocks: Count = 4
    dropout: Share = 0.3
    kernel: tuple[int, int] = (10, 4)
    strides: tuple[int, int] = (2, 2)


class MobilenetAudio(Table):
    """See zoo.mobilenet_audio. `width` scales all channels."""

    kind: Literal["mobilenet_audio"] = "mobilenet_audio"
    width: Annotated[float, Field(gt=0.0, le=4.0)] = 0.75
    dropout: Share = 0.2


class Crnn(Table):
    """See zoo.crnn. `channels` of the convolutions, `units` of the recurrent layer."""

    kind: Literal["crnn"] = "crnn"
    channels: tuple[Count, ...] = (16, 24)
    cell: Literal["gru", "lstm"] = "gru"
    units: Count = 32
    dropout: Share = 0.2
    steps: ClassVar[bool] = True


class Ssm(Table):
    """See zoo.ssm. `states` of each of `width` channels; one step takes `frames_per_step` frames."""

    kind: Literal["ssm"] = "ssm"
    width: Count = 32
    blocks: Count = 2
    states: Count = 4
    kernel: Count = 4
    frames_per_step: Count = 2
    dropout: Share = 0.1
    steps: ClassVar[bool] = True


class Mlp(Table):
    """See models.mlp."""

    kind: Literal["mlp"] = "mlp"
    hidden: tuple[Count, ...] = (16,)
    l2: Annotated[float, Field(ge=0.0)] = 1e-2
    noise: Annotated[float, Field(ge=0.0)] = 0.0  # deviation of what is added to normalised inputs in training


class Logistic(Table):
    """Logistic regression: the baseline that a network must beat."""

    kind: Literal["logistic"] = "logistic"
    l2: Annotated[float, Field(ge=0.0)] = 1e-3


class Tcn(Table):
    """See zoo.tcn. The recipe's `window_rows` says how far back it sees."""

    kind: Literal["tcn"] = "tcn"
    channels: Count = 16
    blocks: Count = 3
    kernel: Annotated[int, Field(ge=2, le=16)] = 3
    dropout: Share = 0.1


KeywordModel = DsCnn | DsCnnStream | MobilenetAudio | Crnn | Ssm
PresenceModel = Mlp | Logistic | Tcn
Model = KeywordModel | PresenceModel
