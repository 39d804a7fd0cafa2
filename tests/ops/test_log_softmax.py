from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from ops.harness import assert_exact, assert_refused, cases, seeds
from ops.model_builder import build, operator, tensor
from ops.strategies import zero_points


@cases(
    80,
    shape=st.lists(st.integers(1, 6), min_size=0, max_size=2),
    depth=st.integers(1, 40),
    scale=st.floats(-9, 1).map(lambda e: 2.0**e),
    zero_point=zero_points("int8"),
    seed=seeds,
)
def test_int8(*, shape: list[int], depth: int, scale: float, zero_point: int, seed: int) -> None:
    x, y = tensor([*shape, depth], "int8", scale, zero_point), tensor([*shape, depth], "int8", 1 / 16, 127)
    assert_exact(build([operator("LOG_SOFTMAX", [x], [y])], [x], [y]), seed)


def test_many_classes() -> None:
    x, y = tensor((2, 4095), "int8", 0.05), tensor((2, 4095), "int8", 1 / 16, 127)
    values = np.stack([np.zeros(4095), np.arange(4095) % 256 - 128]).astype(np.int8)
    assert_exact(build([operator("LOG_SOFTMAX", [x], [y])], [x], [y]), steps=[[values]])


@cases(40, depth=st.integers(1, 40), spread=st.floats(-4, 4).map(lambda e: 2.0**e), seed=seeds)
def test_floats(*, depth: int, spread: float, seed: int) -> None:
    x, y = tensor((20, depth), "float32"), tensor((20, depth), "float32")
    values = (np.random.default_rng(seed).normal(0, spread, (20, depth))).astype(np.float32)
    assert_exact(build([operator("LOG_SOFTMAX", [x], [y])], [x], [y]), steps=[[values]])


def test_refuses_another_output_scale() -> None:
    x, y = tensor((4,), "int8", 0.1), tensor((4,), "int8", 1 / 8, 127)
    assert_refused(build([operator("LOG_SOFTMAX", [x], [y])], [x], [y]), "0.0625 and 127 are needed")
    x, y = tensor((4096,), "int8", 0.1), tensor((4096,), "int8", 1 / 16, 127)
    assert_refused(build([operator("LOG_SOFTMAX", [x], [y])], [x], [y]), "4096 classes")
