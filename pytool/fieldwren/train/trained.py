"""What every kind of model is asked for when it is trained, and what its training gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fieldwren.features import FrontEndParameters
from fieldwren.train.checkpoint import Epoch
from fieldwren.train.clips import Clip

Say = Callable[[str], None]
Tick = Callable[[float], None]
RIGHT_ANSWERS = "fraction of right answers"


@dataclass(frozen=True)
class Request:
    """The arguments of `train` that are not in the recipe. `data` is a folder or a .zip, `run` the run folder."""

    example: str
    data: Path
    run: Path
    seed: int
    say: Say
    hold_out: str | None = None
    without_classes: tuple[str, ...] = ()
    allow_leaks: tuple[str, ...] = ()
    resume: bool = False
    recipe_folder: Path | None = None  # where a teacher's file may lie
    tick: Tick | None = None  # is told the share that is done


@dataclass(frozen=True)
class Trained:
    """A quantised model and its figures. `metric` says in words what the two accuracies are; `macs` are of one window.

    `figures` are what else was measured; `metadata` is stored in the model besides front end, labels and training.
    """

    content: bytes
    front_end: FrontEndParameters
    labels: Sequence[str]
    params: int
    macs: int
    measured_on: str
    test_count: int
    float_accuracy: float
    int8_accuracy: float
    metric: str = RIGHT_ANSWERS
    figures: Mapping[str, object] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    history: Sequence[Epoch] = ()
    recorded: Sequence[Clip] = ()  # what people said in training, for a learner to rehearse with
