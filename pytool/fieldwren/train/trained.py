"""What a kind of example that is trained in its own way is asked for, and what it gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fieldwren.features import FrontEndParameters


@dataclass(frozen=True)
class Request:
    """The arguments of `train`; `data` is a folder or a .zip."""

    data: Path
    hold_out: str | None
    without_classes: tuple[str, ...]
    seed: int
    say: Callable[[str], None]


@dataclass(frozen=True)
class Trained:
    """A quantised model and its figures. `metric` says in words what the two accuracies are.

    `figures` are what else was measured; `metadata` is stored in the model besides front end, labels and training.
    """

    content: bytes
    front_end: FrontEndParameters
    labels: Sequence[str]
    params: int
    macs: int
    measured_on: str
    test_count: int
    metric: str
    float_accuracy: float
    int8_accuracy: float
    figures: Mapping[str, float] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
