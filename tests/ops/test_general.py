"""Graphs as odd exports have them: ports, subgraphs, absent options, and tensors with several roles."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import strategies as st

from ops.harness import assert_exact, assert_refused, cases, lowered, seeds
from ops.model_builder import OperatorSpec, SubgraphSpec, TensorSpec, build, constant, operator, tensor
from ops.strategies import weights


def q(*shape: int, scale: float = 0.1, zero_point: int = 3, dtype: str = "int8") -> TensorSpec:
    return tensor(shape, dtype, scale, zero_point if dtype == "int8" else 0)


def ints(*values: int) -> TensorSpec:
    return constant(np.array(values, np.int32))


def test_several_inputs_and_outputs_in_any_order() -> None:
    a, b, c = q(1, 4), q(1, 4, scale=0.05), q(1, 4, dtype="int16")
    total, negative = q(1, 4, scale=0.2), q(1, 4)
    operators = [operator("ADD", [a, b], [total]), operator("LEAKY_RELU", [b], [negative], alpha=0.3)]
    assert_exact(build(operators, [c, b, a], [negative, total]), 1)


def test_an_input_that_nothing_reads_and_outputs_of_other_outputs() -> None:
    a, unused, first, second = q(2, 3), q(4), q(2, 3), q(3, 2)
    operators = [operator("RELU", [a], [first]), operator("RESHAPE", [first, ints(3, 2)], [second])]
    assert_exact(build(operators, [a, unused], [second, first]), 2)


def test_an_output_that_is_read_again_is_not_overwritten() -> None:
    a, first, second, third = q(2, 3), q(2, 3), q(2, 3), q(2, 3)
    operators = [
        operator("RELU", [a], [first]),
        operator("LEAKY_RELU", [first], [second], alpha=0.5),
        operator("ADD", [first, second], [third]),
    ]
    assert_exact(build(operators, [a], [first, third, second]), 3)


def test_an_input_and_a_constant_that_are_outputs() -> None:
    a, y, known = q(2, 3), q(2, 3), constant(np.arange(4, dtype=np.int8), 0.1)
    shaped = q(3, 2)
    operators = [operator("RELU", [a], [y]), operator("RESHAPE", [a, ints(3, 2)], [shaped])]
    assert_exact(build(operators, [a], [shaped, y]), 4)
    copied = tensor((2, 2), "int8", 0.1)
    operators = [operator("RELU", [a], [y]), operator("RESHAPE", [known, ints(2, 2)], [copied])]
    assert_exact(build(operators, [a], [copied, y]), 5)


def test_one_tensor_on_both_sides() -> None:
    a, y, z = q(2, 3), q(2, 3, scale=0.2), q(2, 6, scale=0.2)
    operators = [operator("ADD", [a, a], [y]), operator("CONCATENATION", [y, y], [z], axis=1)]
    assert_exact(build(operators, [a], [z]), 6)


def test_subgraphs_that_nothing_calls() -> None:
    a, y, inner, result = q(2, 3), q(2, 3), q(2, 3), q(2, 3)
    body = SubgraphSpec((operator("RELU", [inner], [result]),), (inner,), (result,))
    assert_exact(build([operator("RELU6", [a], [y])], [a], [y], bodies=[body]), 7)


@pytest.mark.parametrize("name", ["IF", "WHILE"])
def test_control_flow_is_refused_by_name(name: str) -> None:
    condition, a, y = tensor((), "bool"), q(2, 3), q(2, 3)
    inner, result = q(2, 3), q(2, 3)
    body = SubgraphSpec((operator("RELU", [inner], [result]),), (inner,), (result,))
    inputs = [condition, a] if name == "IF" else [a]
    assert_refused(build([operator(name, inputs, [y])], inputs, [y], bodies=[body, body]), f"{name} .*is not supported")


@pytest.mark.parametrize("name", ["RELU", "MUL", "SOFTMAX", "MEAN", "CONCATENATION", "FULLY_CONNECTED", "PACK"])
def test_operators_without_a_table_of_options(name: str) -> None:
    """What is left out is the default; TFLM reads the same, or refuses where it needs the table."""
    a, b = q(2, 4), q(2, 4)
    made: dict[str, OperatorSpec] = {
        "RELU": operator("RELU", [a], [q(2, 4)]),
        "MUL": operator("MUL", [a, b], [q(2, 4)]),
        "SOFTMAX": operator("SOFTMAX", [a], [tensor((2, 4), "int8", 1 / 256, -128)], beta=1.0),
        "MEAN": operator("MEAN", [a, ints(1)], [q(2)]),
        "CONCATENATION": operator("CONCATENATION", [a, b], [q(4, 4)]),
        "FULLY_CONNECTED": operator("FULLY_CONNECTED", [a, constant(np.ones((3, 4), np.int8), 0.1), None], [q(2, 3)]),
        "PACK": operator("PACK", [a, b], [q(2, 2, 4)], values_count=2),
    }
    inputs = [t for t in (a, b) if t in made[name].inputs]
    assert_exact(build([made[name]], inputs, list(made[name].outputs)), 8)


@cases(
    25,
    activation=st.sampled_from(["NONE", "RELU", "RELU6", "RELU_N1_TO_1"]),
    bias=st.sampled_from(["none", "absent", "given"]),
    keep=st.booleans(),
    rank=st.integers(2, 4),
    seed=seeds,
)
def test_fully_connected_of_any_rank(*, activation: str, bias: str, keep: bool, rank: int, seed: int) -> None:
    """Bias left out as -1 or altogether; the output keeps the leading dimensions or is flat."""
    generator = np.random.default_rng(seed)
    leading = tuple(int(n) for n in generator.integers(1, 4, rank - 1))
    a = q(*leading, 6)
    w = constant(weights(generator, (5, 6)), 0.01)
    y = q(*leading, 5, scale=0.2) if keep else q(int(np.prod(leading)), 5, scale=0.2)
    inputs: list[TensorSpec | None] = [a, w]
    if bias != "none":
        inputs.append(None if bias == "absent" else constant(np.arange(5, dtype=np.int32) * 50, 0.001))
    layer = operator(
        "FULLY_CONNECTED", inputs, [y], version=4, fused_activation_function=activation, keep_num_dims=keep
    )
    assert_exact(build([layer], [a], [y]), seed)


@cases(20, shape=st.lists(st.integers(1, 4), min_size=1, max_size=5).map(tuple), seed=seeds)
def test_float_ends_of_an_int8_model(*, shape: tuple[int, ...], seed: int) -> None:
    """float32 → int8 → float32, as converters leave it without inference types; softmax and what follows in float."""
    x, a, y = tensor(shape, "float32"), q(*shape), q(*shape, scale=0.2)
    real, probable = tensor(shape, "float32"), tensor(shape, "float32")
    operators = [
        operator("QUANTIZE", [x], [a]),
        operator("LEAKY_RELU", [a], [y], alpha=0.2),
        operator("DEQUANTIZE", [y], [real]),
        operator("SOFTMAX", [real], [probable], beta=1.0),
    ]
    assert_exact(build(operators, [x], [probable, real]), seed)


def test_a_long_chain_of_everything_that_moves() -> None:
    a = q(1, 4, 6, 2, 3)
    b, c, d = q(3, 2, 6, 4, 1), q(3, 2, 6, 4), q(3, 2, 3, 4)
    e, f, g = q(3, 2, 4, 4), q(3, 2, 4, 2), q(6, 4, 2)
    operators = [
        operator("TRANSPOSE", [a, ints(4, 3, 2, 1, 0)], [b]),
        operator("SQUEEZE", [b], [c], squeeze_dims=[4]),
        operator("STRIDED_SLICE", [c, ints(0, 0, 5, 0), ints(3, 2, -7, 4), ints(1, 1, -2, 1)], [d]),
        operator("PAD", [d, constant(np.array([[0, 0], [0, 0], [1, 0], [0, 0]], np.int32))], [e]),
        operator("GATHER", [e, ints(3, 1)], [f], axis=3),
        operator("RESHAPE", [f, ints(-1, 4, 2)], [g], new_shape=[-1, 4, 2]),
    ]
    assert_exact(build(operators, [a], [g]), 9)
    assert {call.kernel.name for call in lowered(build(operators, [a], [g])).calls} <= {
        "strided_copy",
        "gather",
        "fill",
    }
