from __future__ import annotations

import numpy as np
import pytest
from hypothesis import strategies as st

from ops.harness import assert_exact, assert_refused, cases, seeds, tflm_accepts
from ops.model_builder import build, constant, operator, tensor
from ops.strategies import log_scales, zero_points

REQUANTISED = [
    *(("int8", "int8"), ("int8", "uint8"), ("int8", "int16"), ("int8", "int32"), ("uint8", "int8")),
    *(("int16", "int8"), ("int16", "int16"), ("int16", "int32"), ("int32", "int8"), ("int32", "int16")),
]
KINDS = ["float32", "int8", "uint8", "int16", "int32"]


@pytest.mark.parametrize(("source", "target"), REQUANTISED)
@cases(20, count=st.integers(1, 300), scale=log_scales, gain=st.floats(-8, 8), data=st.data(), seed=seeds)
def test_requantises_like_the_reference(
    *, source: str, target: str, count: int, scale: float, gain: float, data: st.DataObject, seed: int
) -> None:
    points = [
        data.draw(zero_points(dtype)) if dtype != "int32" else data.draw(st.integers(-9, 9))
        for dtype in (source, target)
    ]
    gain = data.draw(st.sampled_from([0.0, gain, gain]))
    x, y = tensor((1, count), source, scale, points[0]), tensor((1, count), target, scale * 2**gain, points[1])
    assert_exact(build([operator("QUANTIZE", [x], [y])], [x], [y]), seed)


@pytest.mark.parametrize(("source", "target", "points"), [("int8", "uint8", (0, 128)), ("uint8", "int8", (128, 0))])
def test_shifts_by_128(source: str, target: str, points: tuple[int, int]) -> None:
    x, y = tensor((1, 256), source, 0.5, points[0]), tensor((1, 256), target, 0.5, points[1])
    values = np.arange(256, dtype=np.uint8).view(source).reshape(1, 256)
    assert_exact(build([operator("QUANTIZE", [x], [y])], [x], [y]), steps=[[values]])


@pytest.mark.parametrize("target", ["int8", "int16"])
@cases(30, count=st.integers(1, 100), scale=log_scales, data=st.data(), seed=seeds)
def test_quantises_floats(*, target: str, count: int, scale: float, data: st.DataObject, seed: int) -> None:
    x, y = tensor((1, count), "float32"), tensor((1, count), target, scale, data.draw(zero_points(target)))
    assert_exact(build([operator("QUANTIZE", [x], [y])], [x], [y]), seed)


@pytest.mark.parametrize("target", ["int8", "int16"])
def test_rounds_halves_and_saturates(target: str) -> None:
    steps = np.concatenate(
        [np.arange(-300, 300) / 2, [-32768.5, 32767.5, 32768.0, -1e9, 1e9, -np.inf, np.nan, 0.49999997]]
    )
    values = (steps * 0.25).astype(np.float32).reshape(1, -1)
    x, y = tensor(values.shape, "float32"), tensor(values.shape, target, 0.25, 3)
    assert_exact(build([operator("QUANTIZE", [x], [y])], [x], [y]), steps=[[values]])


@pytest.mark.parametrize("source", ["int8", "uint8", "int16"])
@cases(20, count=st.integers(1, 300), scale=st.floats(-140, 100).map(lambda e: 2**e), data=st.data(), seed=seeds)
def test_dequantises(*, source: str, count: int, scale: float, data: st.DataObject, seed: int) -> None:
    x, y = tensor((1, count), source, scale, data.draw(zero_points(source))), tensor((1, count), "float32")
    assert_exact(build([operator("DEQUANTIZE", [x], [y])], [x], [y]), seed)


@pytest.mark.parametrize("source", KINDS)
@pytest.mark.parametrize("target", KINDS)
def test_refuses_the_pairs_that_the_reference_refuses(source: str, target: str) -> None:
    x, y = tensor((1, 4), source, 0.5), tensor((1, 4), target, 0.25)
    model = build([operator("QUANTIZE", [x], [y])], [x], [y])
    supported = (source, target) in REQUANTISED or (source == "float32" and target in ("int8", "int16"))
    assert tflm_accepts(model, [np.zeros((1, 4), source)]) == supported
    if not supported:
        assert_refused(model, "supported: ")


def test_refuses_scales_for_each_channel() -> None:
    x, y = constant(np.zeros((2, 3), np.int8), [0.1, 0.2]), tensor((2, 3), "float32")
    assert_refused(build([operator("DEQUANTIZE", [x], [y])], [], [y]), "needs one scale for .*, which has 2")


def test_refuses_a_ratio_beyond_32_bits() -> None:
    x, y = tensor((1, 4), "int8", 1e12), tensor((1, 4), "int8", 1e-3)
    assert_refused(build([operator("QUANTIZE", [x], [y])], [x], [y]), "ratios up to 2\\^30")
