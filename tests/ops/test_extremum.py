from __future__ import annotations

import numpy as np
import pytest
from hypothesis import strategies as st

from ops.harness import assert_exact, assert_refused, cases, seeds
from ops.model_builder import build, operator, tensor
from ops.strategies import broadcast_shapes

Shapes = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]


@pytest.mark.parametrize("name", ["MAXIMUM", "MINIMUM"])
@cases(
    40,
    shapes=broadcast_shapes(),
    dtype=st.sampled_from(["int8", "int16", "int32", "int64", "float32"]),
    seed=seeds,
)
def test_extremum(*, name: str, shapes: Shapes, dtype: str, seed: int) -> None:
    a, b, y = (tensor(shape, dtype) for shape in shapes)
    assert_exact(build([operator(name, [a, b], [y])], [a, b], [y]), seed)


def test_numbers_that_are_none() -> None:
    a, b, y = (tensor((4,), "float32") for _ in range(3))
    step = [np.array([np.nan, 1, -0.0, np.inf], np.float32), np.array([1, np.nan, 0.0, -np.inf], np.float32)]
    for name in ("MAXIMUM", "MINIMUM"):
        assert_exact(build([operator(name, [a, b], [y])], [a, b], [y]), steps=[step])


@pytest.mark.parametrize("name", ["LOGICAL_AND", "LOGICAL_OR"])
@cases(20, shapes=broadcast_shapes(), seed=seeds)
def test_logical(*, name: str, shapes: Shapes, seed: int) -> None:
    a, b, y = (tensor(shape, "bool") for shape in shapes)
    assert_exact(build([operator(name, [a, b], [y])], [a, b], [y]), seed)


def test_logical_not() -> None:
    x, y = tensor((5,), "bool"), tensor((5,), "bool")
    assert_exact(build([operator("LOGICAL_NOT", [x], [y])], [x], [y]))


def test_refuses_mixed_types() -> None:
    a, b, y = tensor((3,), "int8"), tensor((3,), "int16"), tensor((3,), "int8")
    assert_refused(build([operator("MAXIMUM", [a, b], [y])], [a, b], [y]), "int16")
    a, b, y = (tensor((3,), "int8") for _ in range(3))
    assert_refused(build([operator("LOGICAL_AND", [a, b], [y])], [a, b], [y]), "int8 tensor .*supported: bool")
