"""What lowering decides for DSP cores, at its limits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import strategies as st
from numpy.typing import NDArray

from fieldwren.ops.dsp.requantise import RELU, SIGNED, channels, mode
from fieldwren.ops.fixed_point import requantise
from ops.harness import CORES, assert_exact, cases, lowered, seeds
from ops.model_builder import build, constant, operator, tensor

DSP = CORES[1]


def short_formula(
    sums: NDArray[np.int64], multiplier: int, shift: int, zero_point: int, kind: int
) -> NDArray[np.int64]:
    """fw_dsp_requantise() without the clamp, asserting that nothing leaves 32 bits."""
    product = (2 * sums * multiplier + (1 << 31)) >> 32
    scaled = product + ((2 * zero_point + 1) << shift)
    if kind != RELU:
        scaled = scaled + (sums >> 63)
    assert np.all(np.abs(2 * sums) < 1 << 31)
    assert np.all(np.abs(scaled) < 1 << 31)
    return scaled >> shift >> 1


def ties(multiplier: int, right: int, generator: np.random.Generator, bound: int) -> NDArray[np.int64]:
    """Sums whose first rounding lands near the middle between two results, and where the sign changes."""
    results = generator.integers(-300, 300, 200)
    middle = ((2 * results + 1) << right >> 1) * (1 << 31) // multiplier
    near = middle[:, None] + np.arange(-2, 3)
    everywhere = generator.integers(-bound, bound, 200)
    sums = np.concatenate([near.reshape(-1), everywhere, np.arange(-3, 4)])
    return sums[np.abs(sums) <= bound]


@cases(
    300,
    multiplier=st.integers(1 << 30, (1 << 31) - 1) | st.sampled_from([1 << 30, (1 << 31) - 1]),
    right=st.integers(1, 22),
    bound_bits=st.integers(4, 29),
    zero_point=st.integers(-128, 127),
    seed=seeds,
)
def test_the_short_requantisation_is_the_reference(
    *, multiplier: int, right: int, bound_bits: int, zero_point: int, seed: int
) -> None:
    generator = np.random.default_rng(seed)
    # A weight of 1 and a bias: sums from bias - 128 to bias + 127.
    bias = np.array([(1 << bound_bits) - 128], np.int32)
    limits = {"output_zero_point": zero_point, "output_min": -128, "output_max": 127}
    one = np.ones((1, 1), np.int8)
    made = channels(one, bias, np.array([multiplier], np.int32), np.array([-right], np.int8), limits)
    if made is None or made.weights[0, 0] == 0:
        return
    assert (made.multiplier[0], made.shift[0]) == (multiplier, right - 1)
    sums = ties(multiplier, right, generator, int(made.sum_bound[0]))
    wanted = requantise(sums, multiplier, -right) + zero_point
    np.testing.assert_array_equal(short_formula(sums, multiplier, right - 1, zero_point, SIGNED), wanted)
    relu = short_formula(sums, multiplier, right - 1, zero_point, mode(zero_point, zero_point))
    np.testing.assert_array_equal(np.maximum(relu, zero_point), np.maximum(wanted, zero_point))


def convolution(filters: NDArray[np.int8], bias: NDArray[np.int32], scales: NDArray[np.float64]) -> bytes:
    """A 1×1 convolution of a 3×3 image, input scale 0.1, output scale 0.5, ReLU."""
    count, _, _, depth = filters.shape
    x, y = tensor((1, 3, 3, depth), "int8", 0.1, -128), tensor((1, 3, 3, count), "int8", 0.5, -128)
    inputs = [x, constant(filters, scales), constant(bias, scales * 0.1)]
    options = {"stride_h": 1, "stride_w": 1, "fused_activation_function": "RELU"}
    return build([operator("CONV_2D", inputs, [y], options=options)], [x], [y])


def kernels(model: bytes) -> list[str]:
    return [call.kernel.name for call in lowered(model, DSP).calls]


def test_channels_that_training_left_dead() -> None:
    """Tiny scales with huge biases: the result is always the same, and the layer keeps its kernel."""
    generator = np.random.default_rng(1)
    filters = generator.integers(-127, 128, (6, 1, 1, 8)).astype(np.int8)
    scales = np.array([0.01, 1e-8, 0.02, 3e-9, 0.01, 1e-9])
    bias = np.array([100, 1_000_000_000, -50, -1_000_000_000, 3, 600_000_000], np.int32)
    model = convolution(filters, bias, scales)
    assert kernels(model) == ["conv2d_1x1_s8_dsp"]
    (first, *_) = assert_exact(model, 3)
    assert len(np.unique(first[0][..., 1])) == 1


@pytest.mark.parametrize("even", [-1, 0])
def test_weights_of_minus_128(even: int) -> None:
    """256 * -128 - 1 fits no 16-bit lane."""
    filters = np.full((2, 1, 1, 4), even, np.int8)
    filters[1] = -128
    model = convolution(filters, np.zeros(2, np.int32), np.full(2, 0.01))
    (kernel,) = kernels(model)
    assert kernel.endswith("_dsp") == (even == 0)
    assert_exact(model, 5)


@pytest.mark.parametrize("weight", [7, 40])
def test_sums_too_large_for_a_shared_lane(weight: int) -> None:
    """2,000 inputs with |weight| 40 can reach 10 million, more than 2^23: two channels cannot share lanes."""
    generator = np.random.default_rng(2)
    matrix = (generator.choice([-1, 1], (8, 2000)) * weight).astype(np.int8)
    x, y = tensor((1, 2000), "int8", 0.1, 3), tensor((1, 8), "int8", 0.1 * weight, -5)
    b = constant(generator.integers(-2000, 2000, 8).astype(np.int32), 0.001)
    model = build([operator("FULLY_CONNECTED", [x, constant(matrix, 0.01), b], [y])], [x], [y])
    (call,) = lowered(model, DSP).calls
    grouped = dict(zip([p.name for p in call.kernel.parameters], call.parameters, strict=True))["grouped_outputs"]
    assert grouped == (8 if weight == 7 else 0)
    assert_exact(model, 6)


def test_a_left_shift_takes_the_portable_kernel() -> None:
    """An effective scale above one: the short formula does not cover it."""
    filters = np.random.default_rng(4).integers(-3, 4, (2, 1, 1, 4)).astype(np.int8)
    model = convolution(filters, np.zeros(2, np.int32), np.array([20.0, 20.0]))
    assert kernels(model) == ["conv2d_s8"]
    assert_exact(model, 7)
