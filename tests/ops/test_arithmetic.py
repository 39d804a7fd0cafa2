from __future__ import annotations

import numpy as np
import pytest
from hypothesis import strategies as st

from fieldwren.plan import plan
from ops.harness import assert_exact, assert_refused, cases, executor, lowered, seeds
from ops.model_builder import build, constant, operator, tensor
from ops.strategies import activations, broadcast_shapes, gains, log_scales, zero_points

Shapes = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]


def nonzero(generator: np.random.Generator, shape: tuple[int, ...], zero_point: int) -> np.ndarray:
    values = generator.integers(-128, 128, shape)
    return np.where(values == zero_point, np.where(values == 127, 126, values + 1), values).astype(np.int8)


@cases(
    100,
    shapes=broadcast_shapes(),
    scales=st.tuples(log_scales, log_scales),
    points=st.tuples(*[zero_points("int8")] * 3),
    gain=gains,
    activation=activations,
    seed=seeds,
)
def test_div_of_int8(
    *,
    shapes: Shapes,
    scales: tuple[float, float],
    points: tuple[int, int, int],
    gain: float,
    activation: str,
    seed: int,
) -> None:
    generator = np.random.default_rng(seed)
    a, b = (tensor(shapes[i], "int8", scales[i], points[i]) for i in range(2))
    # Ratios of scales over 2^6, for which the reference's last shift is defined.
    y = tensor(shapes[2], "int8", scales[0] / scales[1] * min(gain, 0.9) / 64, points[2])
    model = build([operator("DIV", [a, b], [y], fused_activation_function=activation)], [a, b], [y])
    steps = [
        [generator.integers(-128, 128, shapes[0]).astype(np.int8), nonzero(generator, shapes[1], points[1])]
        for _ in range(3)
    ]
    assert_exact(model, steps=steps)


@cases(30, shapes=broadcast_shapes(), activation=activations, seed=seeds)
def test_div_of_int32(*, shapes: Shapes, activation: str, seed: int) -> None:
    generator = np.random.default_rng(seed)
    a, b, y = (tensor(shape, "int32") for shape in shapes)
    model = build([operator("DIV", [a, b], [y], fused_activation_function=activation)], [a, b], [y])
    numerators = generator.integers(-(2**31), 2**31, shapes[0]).astype(np.int32)
    divisors = generator.choice([-1000, -7, -2, 1, 2, 3, 666, 2**31 - 1], shapes[1]).astype(np.int32)
    assert_exact(model, steps=[[numerators, divisors]])


@pytest.mark.parametrize("name", ["DIV", "FLOOR_DIV", "FLOOR_MOD"])
@cases(30, shapes=broadcast_shapes(), activation=activations, spread=st.floats(-30, 30), seed=seeds)
def test_floats(*, name: str, shapes: Shapes, activation: str, spread: float, seed: int) -> None:
    generator = np.random.default_rng(seed)
    a, b, y = (tensor(shape, "float32") for shape in shapes)
    options = {"fused_activation_function": activation} if name == "DIV" else {}
    model = build([operator(name, [a, b], [y], **options)], [a, b], [y])
    numerators = (generator.normal(0, 1, shapes[0]) * 2.0**spread).astype(np.float32)
    divisors = generator.normal(0, 1, shapes[1]).astype(np.float32)
    assert_exact(model, steps=[[numerators, divisors], [np.rint(numerators * 8), np.rint(divisors * 4) + 0.5]])


def test_division_by_zero_gives_zero() -> None:
    a, b, y = tensor((3,), "int32"), tensor((3,), "int32"), tensor((3,), "int32")
    executor().open(plan(lowered(build([operator("DIV", [a, b], [y])], [a, b], [y]))), [])
    (found,) = executor().invoke([np.array([7, -(2**31), -(2**31)], np.int32), np.array([0, -1, 0], np.int32)])
    assert found.tolist() == [0, -(2**31), 0]
    a, b, y = (tensor((2,), "int8", 0.5, zero_point) for zero_point in (0, 3, -5))
    executor().open(plan(lowered(build([operator("DIV", [a, b], [y])], [a, b], [y]))), [])
    (found,) = executor().invoke([np.array([7, -128], np.int8), np.array([3, 3], np.int8)])
    assert found.tolist() == [-5, -5]


def test_refuses_types_that_the_reference_lacks() -> None:
    for name in ("FLOOR_DIV", "FLOOR_MOD"):
        a, b, y = (tensor((3,), "int32") for _ in range(3))
        assert_refused(build([operator(name, [a, b], [y])], [a, b], [y]), "int32 tensor .*supported: float32")
    a, b, y = tensor((3,), "int32", 0.1), tensor((3,), "int32"), tensor((3,), "int32")
    assert_refused(build([operator("DIV", [a, b], [y])], [a, b], [y]), "quantised int32")


def test_integer_shape_arithmetic_is_folded() -> None:
    a, b = constant(np.array([12, 7], np.int32)), constant(np.array([3, 2], np.int32))
    x, quotient, y = tensor((4, 3), "int8"), tensor((2,), "int32"), tensor((4, 3), "int8")
    model = build([operator("DIV", [a, b], [quotient]), operator("RESHAPE", [x, quotient], [y])], [x], [y])
    assert lowered(model).calls == ()
