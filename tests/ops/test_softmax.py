from __future__ import annotations

import numpy as np
import pytest
from hypothesis import strategies as st

from fieldwren.plan import plan
from ops.harness import assert_exact, assert_refused, cases, executor, lowered, seeds, tflm_accepts
from ops.model_builder import build, operator, tensor
from ops.strategies import zero_points

OUTPUTS = {"int8": (1 / 256, -128), "int16": (1 / 32768, 0)}


def softmax(
    shape: list[int], source: str, scale: float, zero_point: int = 0, *, target: str | None = None, beta: float = 1.0
) -> bytes:
    x = tensor(shape, source, scale, zero_point)
    output = (1 / 65536, -32768) if (source, target) == ("int8", "int16") else OUTPUTS[source]
    return build([operator("SOFTMAX", [x], [y := tensor(shape, target or source, *output)], beta=beta)], [x], [y])


SHAPES = st.lists(st.integers(1, 4), max_size=3).flatmap(
    lambda outer: st.integers(1, 60).map(lambda depth: [*outer, depth])
)


@pytest.mark.parametrize("target", ["int8", "int16"])
@cases(
    80,
    shape=SHAPES,
    exponent=st.floats(-25, 4),
    beta=st.sampled_from([1.0, 1.0, 0.5, 3.7]),
    zero_point=zero_points("int8"),
    seed=seeds,
)
def test_int8_equal(*, target: str, shape: list[int], exponent: float, beta: float, zero_point: int, seed: int) -> None:
    assert_exact(softmax(shape, "int8", 2**exponent, zero_point, target=target, beta=beta), seed)


@cases(80, shape=SHAPES, exponent=st.floats(-25, 2), beta=st.sampled_from([1.0, 1.0, 0.5, 3.7]), seed=seeds)
def test_int16_equal(*, shape: list[int], exponent: float, beta: float, seed: int) -> None:
    assert_exact(softmax(shape, "int16", 2**exponent, beta=beta), seed)


def test_int16_over_the_whole_tables() -> None:
    # Differences from 0 to -10 in every step of the table of exponentials, sums all over that of reciprocals.
    differences = -np.arange(0, 65535, 4)
    values = np.stack([np.full(differences.size, 32767), 32767 + differences], axis=1).astype(np.int16)
    assert_exact(softmax([differences.size, 2], "int16", 10 / 65535), steps=[[values]])


@pytest.mark.parametrize(("source", "depth"), [("int8", 511), ("int16", 20000)])
def test_many_equal_classes(source: str, depth: int) -> None:
    assert_exact(softmax([1, depth], source, 0.1), steps=[[np.full((1, depth), 5, source)]])


def test_very_many_equal_classes_all_get_zero() -> None:
    # The reference aborts here; the real quotients are below half a step.
    executor().open(plan(lowered(softmax([1, 1000], "int8", 0.1))))
    (result,) = executor().invoke([np.full((1, 1000), 5, np.int8)])
    assert np.all(result == -128)


def test_refuses_more_classes_than_the_sum_holds() -> None:
    assert_refused(softmax([1, 4096], "int8", 0.1), "has 4096 classes; up to 4095")


def test_refuses_what_the_reference_refuses() -> None:
    x, y = tensor((1, 4), "int8", 0.1), tensor((1, 4), "int8", 1 / 128, -128)
    model = build([operator("SOFTMAX", [x], [y], beta=1.0)], [x], [y])
    assert_refused(model, "0.00390625 and -128 are needed")
    assert not tflm_accepts(model)
    assert_refused(softmax([1, 4], "int8", 0.1, beta=-1.0), "must be positive")
    assert_refused(softmax([1, 4], "int8", 1e-9), "below 2\\^-26")
    x, y = tensor((1, 4), "int32"), tensor((1, 4), "int32")
    assert_refused(build([operator("SOFTMAX", [x], [y], beta=1.0)], [x], [y]), "int32 tensor .*supported: int8, int16")
