from __future__ import annotations

import numpy as np
import pytest
from hypothesis import strategies as st

from ops.harness import assert_exact, assert_refused, cases, seeds
from ops.model_builder import build, operator, tensor
from ops.strategies import activations, broadcast_shapes, gains, log_scales, zero_points

Shapes = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]


@pytest.mark.parametrize("name", ["SUB", "SQUARED_DIFFERENCE"])
@cases(
    80,
    shapes=broadcast_shapes(),
    dtype=st.sampled_from(["int8", "int8", "int16"]),
    scales=st.tuples(log_scales, log_scales),
    points=st.tuples(*[zero_points("int8")] * 3),
    gain=gains,
    activation=activations,
    seed=seeds,
)
def test_equal(
    *,
    name: str,
    shapes: Shapes,
    dtype: str,
    scales: tuple[float, float],
    points: tuple[int, int, int],
    gain: float,
    activation: str,
    seed: int,
) -> None:
    points = points if dtype == "int8" else (0, 0, 0)
    a, b = (tensor(shapes[i], dtype, scales[i], points[i]) for i in range(2))
    fitting = max(scales) if name == "SUB" else max(scales) ** 2 * (60 if dtype == "int8" else 16000)
    y = tensor(shapes[2], dtype, fitting * gain, points[2])
    options = {"fused_activation_function": activation} if name == "SUB" else {}
    assert_exact(build([operator(name, [a, b], [y], **options)], [a, b], [y]), seed)


@pytest.mark.parametrize("name", ["SUB", "SQUARED_DIFFERENCE"])
@cases(20, shapes=broadcast_shapes(), dtype=st.sampled_from(["int32", "float32"]), activation=activations, seed=seeds)
def test_plain_numbers(*, name: str, shapes: Shapes, dtype: str, activation: str, seed: int) -> None:
    a, b, y = (tensor(shape, dtype) for shape in shapes)
    options = {"fused_activation_function": activation} if name == "SUB" else {}
    assert_exact(build([operator(name, [a, b], [y], **options)], [a, b], [y]), seed)


def test_refuses_what_does_not_fit() -> None:
    a, b, y = tensor((2, 3), "int8", 0.1), tensor((2, 4), "int8", 0.1), tensor((2, 3), "int8", 0.1)
    assert_refused(build([operator("SUB", [a, b], [y])], [a, b], [y]), "does not fit")
    a, b, y = (tensor((3,), "int16", 0.1, 1) for _ in range(3))
    for name in ("SUB", "SQUARED_DIFFERENCE"):
        assert_refused(build([operator(name, [a, b], [y])], [a, b], [y]), "zero point")


def test_scales_are_divided_in_double() -> None:
    # Quotients in float32 give other results in about 20 of these 60,000 outputs.
    generator = np.random.default_rng(4)
    a, b, y = tensor((60000,), "int16", 0.0137), tensor((60000,), "int16", 0.0171), tensor((60000,), "int16", 0.0273)
    step = [generator.integers(-32768, 32768, 60000).astype(np.int16) for _ in range(2)]
    assert_exact(build([operator("SUB", [a, b], [y])], [a, b], [y]), steps=[step])
