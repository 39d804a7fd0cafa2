"""The kernels with assembly or intrinsics in them: on each core, a model of many layers gives what the portable ones give."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from fieldwren.boards import load_board
from fieldwren.core import PORTABLE
from fieldwren.execute import execute, interpret
from fieldwren.images import core_of
from fieldwren.ops.lowering import lower
from fieldwren.plan import Plan, plan
from fieldwren.tflite import read_bytes
from fieldwren.verify import random_inputs
from ops.model_builder import OperatorSpec, TensorSpec, build, constant, operator, tensor
from ops.strategies import output_sizes, weights
from support import require_tool

pytestmark = pytest.mark.emulator

Layer = tuple[OperatorSpec, TensorSpec, TensorSpec]
_SCALE = 0.02


def filters(generator: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.int8]:
    """Weights as converters make them: without -128, which would need other kernels."""
    return np.maximum(weights(generator, shape), -127)


def made(
    generator: np.random.Generator,
    name: str,
    x: TensorSpec,
    data: NDArray[np.int8],
    output: tuple[int, ...],
    *,
    activation: str,
    one_scale: bool = False,
    **options: object,
) -> Layer:
    """The layer with random scales, per channel along the last axis of a depthwise filter, else the first.

    The output's scale is fine enough for RELU6 to end below 127: the clamp is then more than saturation.
    """
    axis = 3 if name == "DEPTHWISE_CONV_2D" else 0
    channels = data.shape[axis]
    depth = data.size // channels
    scales = generator.uniform(0.004, 0.01, 1 if one_scale else channels)
    fitting = _SCALE * 0.007 * 30 * 70 * depth**0.5 / 40
    scale = min(fitting, 0.04) if activation == "RELU6" else fitting
    y = tensor(output, "int8", scale, int(generator.integers(-100, 100)) if activation == "NONE" else -128)
    w = constant(data, scales, axis=axis)
    b = constant(generator.integers(-3000, 3000, channels).astype(np.int32), scales * _SCALE)
    return operator(name, [x, w, b], [y], fused_activation_function=activation, **options), x, y


def convolutions(generator: np.random.Generator) -> Iterator[Layer]:
    """(height, width, channels), outputs, filter, stride, padding, activation: all paths of the assembly."""
    for size, outputs, kernel, stride, padding, activation in [
        ((5, 5, 4), 2, (1, 1), 1, "SAME", "RELU"),  # 25 pixels: the last group has one
        ((5, 4, 8), 16, (1, 1), 1, "SAME", "NONE"),  # two in the last group, more outputs than inputs
        ((3, 4, 64), 6, (1, 1), 1, "SAME", "RELU6"),  # one whole chunk of depth, clamped
        ((3, 3, 132), 5, (1, 1), 1, "SAME", "RELU"),  # two chunks and a rest, an odd channel
        ((9, 8, 3), 8, (3, 3), 2, "SAME", "RELU"),  # rows that are no whole words
        ((7, 6, 8), 4, (3, 3), 1, "SAME", "NONE"),
        ((7, 6, 8), 4, (3, 3), 1, "VALID", "RELU6"),
        ((11, 6, 1), 8, (5, 4), 2, "SAME", "RELU"),
        ((1, 30, 12), 10, (1, 3), 1, "SAME", "NONE"),
    ]:
        _, sides = output_sizes(size[:2], kernel, (stride, stride), (1, 1), padding)
        yield made(
            generator,
            "CONV_2D",
            tensor((1, *size), "int8", _SCALE, int(generator.integers(-128, 128))),
            filters(generator, (outputs, *kernel, size[2])),
            (1, *sides, outputs),
            stride_h=stride,
            stride_w=stride,
            padding=padding,
            activation=activation,
        )


def depthwise_convolutions(generator: np.random.Generator) -> Iterator[Layer]:
    """(height, width, channels), filter, stride, padding, activation."""
    for size, kernel, stride, padding, activation in [
        ((6, 6, 4), (3, 3), 1, "SAME", "RELU"),
        ((5, 7, 5), (3, 3), 1, "SAME", "NONE"),  # an odd width: the last output of a row alone
        ((4, 4, 300), (3, 3), 1, "SAME", "RELU6"),  # outputs too far apart for a post-indexed store
        ((8, 8, 6), (3, 3), 2, "SAME", "RELU"),
        ((9, 7, 300), (3, 3), 2, "VALID", "NONE"),
        ((12, 1, 8), (4, 1), 1, "VALID", "NONE"),  # planes
        ((9, 9, 7), (5, 5), 2, "SAME", "RELU"),
        ((5, 1, 9), (5, 1), 1, "VALID", "RELU"),  # taps of four channels
    ]:
        _, sides = output_sizes(size[:2], kernel, (stride, stride), (1, 1), padding)
        yield made(
            generator,
            "DEPTHWISE_CONV_2D",
            tensor((1, *size), "int8", _SCALE, int(generator.integers(-128, 128))),
            filters(generator, (1, *kernel, size[2])),
            (1, *sides, size[2]),
            stride_h=stride,
            stride_w=stride,
            padding=padding,
            depth_multiplier=1,
            activation=activation,
        )


def fully_connected(generator: np.random.Generator) -> Iterator[Layer]:
    """Inputs, outputs, one scale for all outputs, activation."""
    for depth, outputs, one_scale, activation in [
        (64, 16, True, "RELU"),
        (72, 12, False, "NONE"),
        (37, 14, True, "NONE"),
        (136, 12, True, "RELU6"),
        (20, 4, False, "RELU"),
        (36, 7, True, "NONE"),  # packed, three outputs left
        (16, 8, False, "RELU6"),
        (1, 6, True, "RELU"),
    ]:
        yield made(
            generator,
            "FULLY_CONNECTED",
            tensor((1, depth), "int8", _SCALE, int(generator.integers(-128, 128))),
            filters(generator, (outputs, depth)),
            (1, outputs),
            one_scale=one_scale,
            activation=activation,
        )


def model_of_all_layers() -> bytes:
    """Every layer side by side, each with its own input and output."""
    generator = np.random.default_rng(7)
    layers = [*convolutions(generator), *depthwise_convolutions(generator), *fully_connected(generator)]
    operators, inputs, outputs = zip(*layers, strict=True)
    return build(operators, inputs, outputs)


@pytest.mark.parametrize(
    ("name", "only", "suffix"),
    [
        ("mps2-an386", None, "_dsp"),
        ("mps2-an500", None, "_dsp"),
        ("mps2-an505", None, "_dsp"),
        ("mps3-an547", "mve", "_mve"),
    ],
)
def test_equal_to_the_portable_kernels(name: str, only: str | None, suffix: str) -> None:
    planned = assert_equal(name, model_of_all_layers(), only)
    assert all(call.kernel.name.endswith(suffix) for call in planned.program.calls)


def test_packed_kernels_are_equal_to_the_portable_ones() -> None:
    generator = np.random.default_rng(11)
    layers = [*convolutions(generator), *depthwise_convolutions(generator)]
    # Those that the board's memory holds.
    operators, inputs, outputs = zip(*(layer for layer in layers if layer[1].shape[-1] < 300), strict=True)
    planned = assert_equal("microbit", build(operators, inputs, outputs), "packed")
    names = Counter(call.kernel.name for call in planned.program.calls)
    # One has a single row of outputs, of which no two can be packed.
    assert names == {"conv2d_s8_packed": 9, "depthwise_conv2d_s8_packed": 5, "depthwise_conv2d_s8": 1}


def assert_equal(name: str, model: bytes, only: str | None) -> Plan:
    """Runs the model on the board and in the portable kernels on this computer; the board's plan.

    `only` names the variant to take wherever it applies, None the cheapest.
    """
    require_tool("arm-none-eabi-gcc")
    require_tool("qemu-system-arm")
    board = load_board(name)
    graph = read_bytes(model, "layers")
    portable, planned = plan(lower(graph, PORTABLE)), plan(lower(graph, core_of(board), only=only))
    inputs = random_inputs(portable.program.inputs, 4)
    expected, found = interpret(portable, inputs), execute(planned, board, inputs)
    for call, want, got in zip(planned.program.calls, expected.outputs, found.outputs, strict=True):
        np.testing.assert_array_equal(got, want, err_msg=f"operator {call.layer.operator}, {call.kernel.name}")
        assert len(np.unique(want)) > 1, f"operator {call.layer.operator} is saturated: it shows nothing"
    return planned
