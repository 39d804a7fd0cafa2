from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from ops.harness import assert_exact, assert_refused, cases, seeds
from ops.model_builder import build, operator, tensor
from ops.strategies import gains, log_scales, zero_points

slopes = st.sampled_from([0.0, 0.01, 0.2, 0.3, 1.0, 1.7, -0.5])


@cases(40, scale=log_scales, gain=gains, points=st.tuples(*[zero_points("int8")] * 2), slope=slopes)
def test_all_int8_values(*, scale: float, gain: float, points: tuple[int, int], slope: float) -> None:
    x, y = tensor((256,), "int8", scale, points[0]), tensor((256,), "int8", scale * gain, points[1])
    model = build([operator("LEAKY_RELU", [x], [y], alpha=slope)], [x], [y])
    assert_exact(model, steps=[[np.arange(-128, 128, dtype=np.int8)]])


@cases(10, scale=log_scales, gain=gains, points=st.tuples(*[st.sampled_from([0, 0, 77])] * 2), slope=slopes)
def test_all_int16_values(*, scale: float, gain: float, points: tuple[int, int], slope: float) -> None:
    x, y = tensor((65536,), "int16", scale, points[0]), tensor((65536,), "int16", scale * gain, points[1])
    model = build([operator("LEAKY_RELU", [x], [y], alpha=slope)], [x], [y])
    assert_exact(model, steps=[[np.arange(-32768, 32768, dtype=np.int16)]])


@cases(10, slope=slopes, seed=seeds)
def test_floats(*, slope: float, seed: int) -> None:
    x, y = tensor((50,), "float32"), tensor((50,), "float32")
    assert_exact(build([operator("LEAKY_RELU", [x], [y], alpha=slope)], [x], [y]), seed)


def test_refuses_a_slope_that_is_none() -> None:
    x, y = tensor((5,), "int8", 0.1), tensor((5,), "int8", 0.1)
    assert_refused(build([operator("LEAKY_RELU", [x], [y], alpha=float("nan"))], [x], [y]), "slope nan")
