from __future__ import annotations

import numpy as np
import pytest
from hypothesis import strategies as st

from ops.harness import assert_exact, assert_refused, cases, seeds
from ops.model_builder import build, operator, tensor
from ops.strategies import gains, log_scales, zero_points


@cases(30, scale=log_scales, gain=gains, points=st.tuples(*[zero_points("int8")] * 2), same=st.booleans())
def test_abs_of_int8(*, scale: float, gain: float, points: tuple[int, int], same: bool) -> None:
    x = tensor((256,), "int8", scale, points[0])
    y = tensor((256,), "int8", scale if same else scale * gain, points[1])
    assert_exact(build([operator("ABS", [x], [y])], [x], [y]), steps=[[np.arange(-128, 128, dtype=np.int8)]])


@cases(8, scale=log_scales, gain=gains, same=st.booleans())
def test_abs_of_int16(*, scale: float, gain: float, same: bool) -> None:
    x, y = tensor((65536,), "int16", scale), tensor((65536,), "int16", scale if same else scale * gain)
    assert_exact(build([operator("ABS", [x], [y])], [x], [y]), steps=[[np.arange(-32768, 32768, dtype=np.int16)]])


@cases(40, scale=log_scales, gain=gains, points=st.tuples(st.integers(-128, 100), zero_points("int8")))
def test_rsqrt_of_int8(*, scale: float, gain: float, points: tuple[int, int]) -> None:
    count = 128 - points[0]
    x, y = tensor((count,), "int8", scale, points[0]), tensor((count,), "int8", scale**-0.5 * gain / 20, points[1])
    model = build([operator("RSQRT", [x], [y])], [x], [y])
    assert_exact(model, steps=[[np.arange(points[0], 128, dtype=np.int8)]])


@cases(12, scale=log_scales, gain=gains)
def test_rsqrt_of_int16(*, scale: float, gain: float) -> None:
    x, y = tensor((32768,), "int16", scale), tensor((32768,), "int16", scale**-0.5 * gain / 3000)
    model = build([operator("RSQRT", [x], [y])], [x], [y])
    assert_exact(model, steps=[[np.arange(32768).astype(np.int16)]])


@pytest.mark.parametrize("name", ["ABS", "NEG", "SQUARE", "SQRT", "RSQRT", "FLOOR", "CEIL", "ROUND"])
@cases(10, spread=st.floats(-30, 40), seed=seeds)
def test_floats(*, name: str, spread: float, seed: int) -> None:
    generator = np.random.default_rng(seed)
    values = (generator.normal(0, 1, 60) * 2.0**spread).astype(np.float32)
    values[:12] = [0.0, -0.0, 0.5, -0.5, 1.5, -1.5, 2.5, np.inf, -np.inf, np.nan, 8388609.0, -3.9999998]
    if name in ("SQRT", "RSQRT"):
        values = np.abs(values)
    x, y = tensor((60,), "float32"), tensor((60,), "float32")
    assert_exact(build([operator(name, [x], [y])], [x], [y]), steps=[[values]])


def test_refuses_types_that_the_reference_lacks() -> None:
    x, y = tensor((5,), "int8", 0.1), tensor((5,), "int8", 0.1)
    for name in ("NEG", "SQRT", "SQUARE", "FLOOR"):
        assert_refused(build([operator(name, [x], [y])], [x], [y]), "supported: float32")
