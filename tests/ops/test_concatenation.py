from __future__ import annotations

import numpy as np
import pytest
from hypothesis import strategies as st

from ops.harness import assert_exact, assert_refused, cases, seeds, tflm_accepts
from ops.model_builder import TensorSpec, build, constant, operator, tensor


def quantisation(dtype: str) -> tuple[float, int] | tuple[()]:
    return {"int8": (0.1, 7), "int16": (0.1, 0)}.get(dtype, ())


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64", "float32", "bool"])
@cases(
    25,
    shape=st.lists(st.integers(1, 4), min_size=1, max_size=5),
    axis=st.integers(-5, 4),
    parts=st.lists(st.integers(1, 5), min_size=1, max_size=5),
    fixed=st.booleans(),
    seed=seeds,
)
def test_equal(*, dtype: str, shape: list[int], axis: int, parts: list[int], fixed: bool, seed: int) -> None:
    axis = axis % len(shape) - (len(shape) if axis < 0 else 0)

    def part(size: int) -> tuple[int, ...]:
        return tuple(size if i == axis % len(shape) else n for i, n in enumerate(shape))

    sources: list[TensorSpec] = [tensor(part(n), dtype, *quantisation(dtype)) for n in parts]
    fed = list(sources)
    if fixed:
        values = np.random.default_rng(seed).integers(0, 2, part(3)).astype(dtype)
        sources.append(constant(values, *quantisation(dtype)))
    y = tensor(part(sum(source.shape[axis] for source in sources)), dtype, *quantisation(dtype))
    assert_exact(build([operator("CONCATENATION", sources, [y], axis=axis)], fed, [y]), seed)


def test_one_tensor_twice() -> None:
    x, y = tensor((2, 3), "int8", 0.1), tensor((2, 6), "int8", 0.1)
    assert_exact(build([operator("CONCATENATION", [x, x], [y], axis=1)], [x], [y]))


def joined(*, scale: float = 0.1, axis: int = 1, width: int = 5, activation: str = "NONE", rows: int = 2) -> bytes:
    a, b = tensor((2, 3), "int8", 0.1), tensor((rows, 2), "int8", scale)
    y = tensor((2, width), "int8", 0.1)
    joint = operator("CONCATENATION", [a, b], [y], axis=axis, fused_activation_function=activation)
    return build([joint], [a, b], [y])


def test_refuses_what_does_not_fit() -> None:
    assert_refused(joined(axis=2), "axis 2")
    assert_refused(joined(width=6), "joins 5 elements")
    assert_refused(joined(rows=3), "does not fit")


@pytest.mark.parametrize("model", [joined(scale=0.2), joined(activation="RELU")])
def test_refuses_what_the_reference_refuses(model: bytes) -> None:
    assert_refused(model, "another scale|fuses an activation")
    assert not tflm_accepts(model)
