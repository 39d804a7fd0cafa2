from __future__ import annotations

import numpy as np
import pytest
from hypothesis import strategies as st

from ops.harness import assert_exact, assert_refused, cases, seeds
from ops.model_builder import build, operator, tensor
from ops.strategies import broadcast_shapes, zero_points

Shapes = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]
NAMES = ["EQUAL", "NOT_EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL"]


@pytest.mark.parametrize("name", NAMES)
@cases(
    20,
    shapes=broadcast_shapes(),
    scales=st.tuples(*[st.floats(-8, -0.01).map(lambda e: 2.0**e)] * 2),
    same=st.booleans(),
    points=st.tuples(*[zero_points("int8")] * 2),
    seed=seeds,
)
def test_int8(
    *, name: str, shapes: Shapes, scales: tuple[float, float], same: bool, points: tuple[int, int], seed: int
) -> None:
    a = tensor(shapes[0], "int8", scales[0], points[0])
    b = tensor(shapes[1], "int8", *((scales[0], points[0]) if same else (scales[1], points[1])))
    y = tensor(shapes[2], "bool")
    assert_exact(build([operator(name, [a, b], [y])], [a, b], [y]), seed)


@pytest.mark.parametrize("name", NAMES)
@cases(12, shapes=broadcast_shapes(), dtype=st.sampled_from(["int32", "int64", "float32", "bool"]), seed=seeds)
def test_plain_numbers(*, name: str, shapes: Shapes, dtype: str, seed: int) -> None:
    if dtype == "bool" and name not in ("EQUAL", "NOT_EQUAL"):
        dtype = "int32"
    generator = np.random.default_rng(seed)
    a, b, y = tensor(shapes[0], dtype), tensor(shapes[1], dtype), tensor(shapes[2], "bool")
    steps = [[generator.integers(0, 3, shape).astype(dtype) for shape in shapes[:2]] for _ in range(2)]
    assert_exact(build([operator(name, [a, b], [y])], [a, b], [y]), steps=steps)


@pytest.mark.parametrize("name", NAMES)
def test_numbers_that_are_none(name: str) -> None:
    a, b, y = tensor((3,), "float32"), tensor((3,), "float32"), tensor((3,), "bool")
    step = [np.array([np.nan, 1, np.nan], np.float32), np.array([1, np.nan, np.nan], np.float32)]
    assert_exact(build([operator(name, [a, b], [y])], [a, b], [y]), steps=[step])


def test_refuses_scales_that_the_reference_aborts_on() -> None:
    a, b, y = tensor((3,), "int8", 1.5), tensor((3,), "int8", 0.5), tensor((3,), "bool")
    assert_refused(build([operator("LESS", [a, b], [y])], [a, b], [y]), "between 0 and 1")
