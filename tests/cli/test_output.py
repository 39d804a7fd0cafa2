"""Results as JSON types."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum, IntEnum
from pathlib import Path

import numpy as np
import pytest

from fieldwren.cli.output import plain


class Colour(Enum):
    RED = "red"


class Level(IntEnum):
    HIGH = 3


@dataclass(frozen=True)
class Inner:
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Outer:
    path: Path
    digest: bytes
    inner: Inner
    latency_ms: float | None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Outer(Path("a/b"), b"\x00\xff", Inner(("x", "y")), None),
         {"path": "a/b", "digest": "00ff", "inner": {"labels": ["x", "y"]}, "latency_ms": None}),
        ({1: float("inf"), "b": [float("nan"), 0.25]}, {"1": None, "b": [None, 0.25]}),
        (np.float32(0.5), 0.5),
        (np.int8(-3), -3),
        (np.array([[1.0, np.inf]], np.float32), [[1.0, None]]),
        ([Colour.RED, Level.HIGH, True], ["red", 3, True]),
    ],
)  # fmt: skip
def test_plain(value: object, expected: object) -> None:
    assert json.loads(json.dumps(plain(value), allow_nan=False)) == expected


def test_what_has_no_json_form_is_refused() -> None:
    with pytest.raises(TypeError, match="object has no JSON form"):
        plain({"a": object()})
