"""ADD and MUL: arithmetic, and the broadcasting that all binary operators share."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import strategies as st

from ops.harness import assert_exact, assert_refused, cases, lowered, seeds, tflm_accepts
from ops.model_builder import TensorSpec, build, constant, operator, tensor
from ops.strategies import activations, broadcast_shapes, gains, log_scales, weights, zero_points

NAMES = ["ADD", "MUL"]


def fitting_scale(name: str, first: TensorSpec, second: TensorSpec) -> float:
    a, b = first.scales[0], second.scales[0]
    return max(a, b) if name == "ADD" else a * b * (30.0 if first.dtype == "int8" else 8000.0)


@pytest.mark.parametrize("name", NAMES)
@cases(
    120,
    shapes=broadcast_shapes(),
    dtype=st.sampled_from(["int8", "int8", "int16"]),
    scales=st.tuples(log_scales, log_scales),
    points=st.tuples(*[zero_points("int8")] * 3),
    gain=gains,
    activation=activations,
    constant_first=st.booleans(),
    constant_second=st.booleans(),
    seed=seeds,
)
def test_equal(
    *,
    name: str,
    shapes: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]],
    dtype: str,
    scales: tuple[float, float],
    points: tuple[int, int, int],
    gain: float,
    activation: str,
    constant_first: bool,
    constant_second: bool,
    seed: int,
) -> None:
    points = points if dtype == "int8" else (0, 0, 0)
    generator = np.random.default_rng(seed)
    operands = []
    for number, is_constant in enumerate((constant_first and not constant_second, constant_second)):
        data = weights(generator, shapes[number], dtype) if is_constant else None
        operands.append(tensor(shapes[number], dtype, scales[number], points[number], data=data))
    y = tensor(shapes[2], dtype, fitting_scale(name, *operands) * gain, points[2])
    model = build(
        [operator(name, operands, [y], fused_activation_function=activation)],
        [x for x in operands if x.data is None],
        [y],
    )
    assert_exact(model, seed)


@pytest.mark.parametrize("name", NAMES)
@cases(30, shapes=broadcast_shapes(), activation=activations, seed=seeds)
def test_floats_equal(
    *, name: str, shapes: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]], activation: str, seed: int
) -> None:
    a, b, y = (tensor(shape, "float32") for shape in shapes)
    assert_exact(build([operator(name, [a, b], [y], fused_activation_function=activation)], [a, b], [y]), seed)


@pytest.mark.parametrize("name", NAMES)
def test_float_corners(name: str) -> None:
    corners = np.array([np.inf, -np.inf, np.nan, 3e38, -3e38, 1e-45, 0.0, -0.0], np.float32)
    a, b, y = tensor((8, 1), "float32"), tensor((1, 8), "float32"), tensor((8, 8), "float32")
    model = build([operator(name, [a, b], [y])], [a, b], [y])
    assert_exact(model, steps=[[corners.reshape(8, 1), corners.reshape(1, 8)]])


@pytest.mark.parametrize(("name", "activation"), [("ADD", "NONE"), ("MUL", "NONE"), ("MUL", "RELU"), ("MUL", "RELU6")])
@cases(20, shapes=broadcast_shapes(), seed=seeds)
def test_int32_wraps(
    *, name: str, activation: str, shapes: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]], seed: int
) -> None:
    a, b, y = (tensor(shape, "int32") for shape in shapes)
    assert_exact(build([operator(name, [a, b], [y], fused_activation_function=activation)], [a, b], [y]), seed)


@pytest.mark.parametrize("name", NAMES)
def test_one_tensor_twice(name: str) -> None:
    x, y = tensor((1, 30), "int8", 0.1, 5), tensor((1, 30), "int8", 0.3, -7)
    assert_exact(build([operator(name, [x, x], [y])], [x], [y]))


def test_a_chain_shares_memory() -> None:
    x, a, b, y = (tensor((1, 64), "int8", 0.1, 5) for _ in range(4))
    chain = [operator("ADD", [x, x], [a]), operator("MUL", [a, x], [b]), operator("ADD", [b, a], [y])]
    assert_exact(build(chain, [x], [y]))


def test_a_repeated_constant_is_a_table() -> None:
    # Rows, columns and rows again: more loops than the kernel has.
    x, y = tensor((2, 3, 4, 5), "int8", 0.1), tensor((2, 3, 4, 5), "int8", 0.2)
    b = constant(np.arange(8, dtype=np.int8).reshape(2, 1, 4, 1), 0.1)
    model = build([operator("ADD", [x, b], [y])], [x], [y])
    assert [call.kernel.name for call in lowered(model).calls] == ["add_s8"]
    assert_exact(model)


@pytest.mark.parametrize("name", NAMES)
def test_refuses_shapes_that_do_not_broadcast(name: str) -> None:
    for shapes in [
        ((2, 3), (2, 4), (2, 4)),
        ((2, 3), (2, 3), (2, 4)),
        ((1, 3), (1, 3), (2, 3)),
        ((2, 3), (4, 2, 3), (2, 3)),
    ]:
        a, b, y = (tensor(shape, "int8", 0.1) for shape in shapes)
        assert_refused(build([operator(name, [a, b], [y])], [a, b], [y]), "does not fit")


@pytest.mark.parametrize("name", NAMES)
def test_refuses_mixed_types(name: str) -> None:
    a, b, y = tensor((4,), "int8", 0.1), tensor((4,), "int16", 0.1), tensor((4,), "int8", 0.1)
    assert_refused(build([operator(name, [a, b], [y])], [a, b], [y]), "int16 tensor .*; supported: int8")


def test_refuses_what_the_reference_refuses() -> None:
    a, b, y = tensor((4,), "int16", 0.1, 1), tensor((4,), "int16", 0.1), tensor((4,), "int16", 0.1)
    model = build([operator("MUL", [a, b], [y])], [a, b], [y])
    assert_refused(model, "zero point in the int16 tensor")
    assert not tflm_accepts(model)
    a, b, y = tensor((4,), "int32", 0.1), tensor((4,), "int32"), tensor((4,), "int32")
    model = build([operator("ADD", [a, b], [y])], [a, b], [y])
    assert_refused(model, "quantised int32 tensor")
    assert not tflm_accepts(model)


def test_refuses_an_output_scale_that_aborts_the_reference() -> None:
    a, b, y = tensor((4,), "int8", 1.0), tensor((4,), "int8", 1.0), tensor((4,), "int8", 1e-7)
    assert_refused(build([operator("ADD", [a, b], [y])], [a, b], [y]), "must lie between 0 and 1")
