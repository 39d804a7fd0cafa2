from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from ops.harness import assert_exact, assert_refused, cases, seeds
from ops.model_builder import build, operator, tensor
from ops.strategies import zero_points


@cases(60, shape=st.lists(st.integers(1, 9), min_size=1, max_size=4), zero_point=zero_points("int8"), seed=seeds)
def test_equal(*, shape: list[int], zero_point: int, seed: int) -> None:
    x, y = tensor(shape, "int8", 0.1, zero_point), tensor(shape, "int8", 1 / 128, 0)
    assert_exact(build([operator("L2_NORMALIZATION", [x], [y])], [x], [y]), seed)


@cases(20, shape=st.lists(st.integers(1, 9), min_size=1, max_size=4), seed=seeds)
def test_floats_equal(*, shape: list[int], seed: int) -> None:
    x, y = tensor(shape, "float32"), tensor(shape, "float32")
    values = np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
    model = build([operator("L2_NORMALIZATION", [x], [y])], [x], [y])
    assert_exact(model, steps=[[values], [values * np.float32(1e-7)], [values * np.float32(0)]])


def test_long_rows() -> None:
    x, y = tensor((2, 9000), "int8", 0.1, -128), tensor((2, 9000), "int8", 1 / 128, 0)
    values = np.stack([np.full(9000, 127), np.arange(9000) % 3 - 128]).astype(np.int8)
    assert_exact(build([operator("L2_NORMALIZATION", [x], [y])], [x], [y]), steps=[[values]])


def test_refuses_an_activation() -> None:
    x, y = tensor((5,), "int8", 0.1), tensor((5,), "int8", 0.1)
    model = build([operator("L2_NORMALIZATION", [x], [y], fused_activation_function="RELU")], [x], [y])
    assert_refused(model, "fused activation RELU")
