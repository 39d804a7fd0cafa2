from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from ops.harness import assert_exact, assert_refused, cases, seeds
from ops.model_builder import build, operator, tensor
from ops.strategies import zero_points

ALL_INT8 = np.arange(-128, 128, dtype=np.int8).reshape(1, 256)
ALL_INT16 = np.arange(-32768, 32768, dtype=np.int16).reshape(1, 65536)


@cases(60, exponent=st.floats(-20, 4), zero_point=zero_points("int8"))
def test_all_int8_values(exponent: float, zero_point: int) -> None:
    x, y = tensor((1, 256), "int8", 2**exponent, zero_point), tensor((1, 256), "int8", 1 / 256, -128)
    assert_exact(build([operator("LOGISTIC", [x], [y])], [x], [y]), steps=[[ALL_INT8]])


@cases(12, scale=st.floats(-20, 1.3).map(lambda e: 2**e) | st.sampled_from([2**-12, 2**-12 * 1.0005, 2**-12 * 1.001]))
def test_all_int16_values(scale: float) -> None:
    x, y = tensor((1, 65536), "int16", scale), tensor((1, 65536), "int16", 2**-15)
    assert_exact(build([operator("LOGISTIC", [x], [y])], [x], [y]), steps=[[ALL_INT16]])


@cases(
    10, shape=st.lists(st.integers(1, 6), min_size=1, max_size=4), dtype=st.sampled_from(["int8", "int16"]), seed=seeds
)
def test_shapes(shape: list[int], dtype: str, seed: int) -> None:
    x = tensor(shape, dtype, 0.05 if dtype == "int8" else 0.001)
    y = tensor(shape, dtype, 1 / 256 if dtype == "int8" else 2**-15, -128 if dtype == "int8" else 0)
    assert_exact(build([operator("LOGISTIC", [x], [y])], [x], [y]), seed)


def test_refuses_what_the_reference_refuses() -> None:
    x, y = tensor((1, 4), "int8", 0.1), tensor((1, 4), "int8", 1 / 256, 0)
    assert_refused(build([operator("LOGISTIC", [x], [y])], [x], [y]), "output zero point 0; -128 is needed")
    x, y = tensor((1, 4), "int16", 0.001, 3), tensor((1, 4), "int16", 2**-15)
    assert_refused(build([operator("LOGISTIC", [x], [y])], [x], [y]), "zero point in the int16 tensor")
    x, y = tensor((1, 4), "int16", 0.001), tensor((1, 4), "int16", 2**-14)
    assert_refused(build([operator("LOGISTIC", [x], [y])], [x], [y]), "2\\^-15 is needed")
    x, y = tensor((1, 4), "int32"), tensor((1, 4), "int32")
    assert_refused(build([operator("LOGISTIC", [x], [y])], [x], [y]), "int32 tensor .*; supported: int8, int16")


def test_refuses_an_output_of_another_size() -> None:
    x, y = tensor((1, 4), "int8", 0.1), tensor((1, 5), "int8", 1 / 256, -128)
    assert_refused(build([operator("LOGISTIC", [x], [y])], [x], [y]), "turns")
