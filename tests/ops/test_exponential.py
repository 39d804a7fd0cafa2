"""SOFTMAX, LOGISTIC, EXP, LOG of float32: the exponential and the logarithm that kernels/exponential.h defines."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import strategies as st

from ops.harness import assert_exact, cases, seeds
from ops.model_builder import build, operator, tensor


def assert_same_function(name: str, values: np.ndarray) -> None:
    x, y = tensor(values.shape, "float32"), tensor(values.shape, "float32")
    assert_exact(build([operator(name, [x], [y])], [x], [y]), steps=[[values]])


@pytest.mark.parametrize("name", ["EXP", "LOG", "LOGISTIC"])
def test_every_magnitude(name: str) -> None:
    # All exponents, both signs, with mantissas spread over each.
    bits = (np.arange(60000, dtype=np.uint64) * 71573).astype(np.uint32)
    values = bits.view(np.float32)
    assert_same_function(name, np.where(values < 0, -values, values) if name == "LOG" else values)


@pytest.mark.parametrize("name", ["EXP", "LOG", "LOGISTIC"])
def test_usual_range(name: str) -> None:
    generator = np.random.default_rng(1)
    values = generator.uniform(0.001 if name == "LOG" else -20, 20, 60000)
    assert_same_function(name, values.astype(np.float32))


def test_ends() -> None:
    ends = [88.72283, 88.722839, 88.73, -87.33, -103.97, -103.98, -104.1, 0.0, -0.0, np.inf, -np.inf, np.nan, 1e-45]
    assert_same_function("EXP", np.array(ends, np.float32))
    assert_same_function("LOG", np.array([0.0, 1.0, np.inf, 1e-45, 1.1754944e-38, 3.4028235e38], np.float32))
    assert_same_function("LOGISTIC", np.array([16.619047, 16.61905, -9.0, -9.000001, *ends], np.float32))


@cases(
    30,
    depth=st.integers(1, 40),
    spread=st.floats(-4, 4).map(lambda e: 2.0**e),
    beta=st.sampled_from([1.0, 1.0, 0.3]),
    seed=seeds,
)
def test_softmax(*, depth: int, spread: float, beta: float, seed: int) -> None:
    x, y = tensor((20, depth), "float32"), tensor((20, depth), "float32")
    values = (np.random.default_rng(seed).normal(0, spread, (20, depth))).astype(np.float32)
    assert_exact(build([operator("SOFTMAX", [x], [y], beta=beta)], [x], [y]), steps=[[values]])
