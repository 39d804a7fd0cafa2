from __future__ import annotations

import numpy as np
import pytest
from hypothesis import strategies as st

from ops.harness import assert_exact, assert_refused, cases, seeds, tflm_accepts
from ops.model_builder import build, constant, operator, tensor
from ops.strategies import gains, log_scales, zero_points


def reduced_shape(shape: list[int], axes: list[int], keep_dims: bool) -> tuple[int, ...]:
    gone = {axis % len(shape) for axis in axes}
    return tuple(1 if axis in gone else n for axis, n in enumerate(shape) if keep_dims or axis not in gone)


@st.composite
def shapes_and_axes(draw: st.DrawFn) -> tuple[list[int], list[int]]:
    shape = draw(st.lists(st.integers(1, 6), min_size=1, max_size=4))
    shape += draw(st.sampled_from([[], [], [1], [3]]))
    axes = draw(st.lists(st.integers(-len(shape), len(shape) - 1), min_size=1, max_size=4))
    return shape, axes


@pytest.mark.parametrize("name", ["MEAN", "SUM"])
@cases(
    100,
    shape_and_axes=shapes_and_axes(),
    keep_dims=st.booleans(),
    dtype=st.sampled_from(["int8", "int8", "int16"]),
    scale=log_scales,
    gain=gains,
    points=st.tuples(zero_points("int8"), zero_points("int8")),
    seed=seeds,
)
def test_equal(
    *,
    name: str,
    shape_and_axes: tuple[list[int], list[int]],
    keep_dims: bool,
    dtype: str,
    scale: float,
    gain: float,
    points: tuple[int, int],
    seed: int,
) -> None:
    shape, axes = shape_and_axes
    x = tensor(shape, dtype, scale, points[0])
    y = tensor(reduced_shape(shape, axes, keep_dims), dtype, scale * gain, points[1])
    reduction = operator(name, [x, constant(np.array(axes, np.int32))], [y], keep_dims=keep_dims)
    assert_exact(build([reduction], [x], [y]), seed)


@cases(20, height=st.integers(1, 40), width=st.integers(1, 40), channels=st.integers(1, 9), gain=gains, seed=seeds)
def test_mean_over_an_image(*, height: int, width: int, channels: int, gain: float, seed: int) -> None:
    x, y = tensor((2, height, width, channels), "int8", 0.05, -3), tensor((2, channels), "int8", 0.05 * gain, 17)
    assert_exact(build([operator("MEAN", [x, constant(np.array([1, 2], np.int32))], [y])], [x], [y]), seed)


@pytest.mark.parametrize("name", ["MEAN", "SUM"])
@cases(20, shape_and_axes=shapes_and_axes(), keep_dims=st.booleans(), seed=seeds)
def test_floats_equal(*, name: str, shape_and_axes: tuple[list[int], list[int]], keep_dims: bool, seed: int) -> None:
    shape, axes = shape_and_axes
    x, y = tensor(shape, "float32"), tensor(reduced_shape(shape, axes, keep_dims), "float32")
    reduction = operator(name, [x, constant(np.array(axes, np.int32))], [y], keep_dims=keep_dims)
    assert_exact(build([reduction], [x], [y]), seed)


@pytest.mark.parametrize("name", ["REDUCE_MAX", "REDUCE_MIN"])
@cases(
    40,
    shape_and_axes=shapes_and_axes(),
    keep_dims=st.booleans(),
    dtype=st.sampled_from(["int8", "float32"]),
    seed=seeds,
)
def test_extremes_equal(
    *, name: str, shape_and_axes: tuple[list[int], list[int]], keep_dims: bool, dtype: str, seed: int
) -> None:
    shape, axes = shape_and_axes
    scale = 0.1 if dtype == "int8" else None
    x, y = tensor(shape, dtype, scale, 3), tensor(reduced_shape(shape, axes, keep_dims), dtype, scale, 3)
    reduction = operator(name, [x, constant(np.array(axes, np.int32))], [y], keep_dims=keep_dims)
    assert_exact(build([reduction], [x], [y]), seed)


@cases(30, shape_and_axes=shapes_and_axes(), keep_dims=st.booleans(), seed=seeds)
def test_all_equal(*, shape_and_axes: tuple[list[int], list[int]], keep_dims: bool, seed: int) -> None:
    shape, axes = shape_and_axes
    x, y = tensor(shape, "bool"), tensor(reduced_shape(shape, axes, keep_dims), "bool")
    model = build([operator("REDUCE_ALL", [x, constant(np.array(axes, np.int32))], [y], keep_dims=keep_dims)], [x], [y])
    generator = np.random.default_rng(seed)
    assert_exact(model, steps=[[generator.random(shape) < threshold] for threshold in (0.5, 0.9, 1.0)])


def test_infinities() -> None:
    x, y = tensor((3, 2), "float32"), tensor((3,), "float32")
    values = np.array([[-np.inf, -np.inf], [np.inf, np.inf], [np.nan, 1]], np.float32)
    for name in ("REDUCE_MAX", "REDUCE_MIN"):
        model = build([operator(name, [x, constant(np.array([1], np.int32))], [y])], [x], [y])
        assert_exact(model, steps=[[values]])


def reduction(name: str, axes: list[int], output: tuple[int, ...], scale: float = 0.1) -> bytes:
    x, y = tensor((2, 3, 4), "int8", 0.1), tensor(output, "int8", scale)
    return build([operator(name, [x, constant(np.array(axes, np.int32))], [y])], [x], [y])


def test_refuses_what_does_not_fit() -> None:
    assert_refused(reduction("MEAN", [1], (2, 3)), "does not fit")
    assert_refused(reduction("MEAN", [3], (2, 3, 4)), "axis 3")
    assert_refused(reduction("REDUCE_MAX", [1], (2, 4), scale=0.2), "does not rescale")
    x, y, axes = tensor((2, 3), "int8", 0.1), tensor((2,), "int8", 0.1), tensor((1,), "int32")
    assert_refused(build([operator("MEAN", [x, axes], [y])], [x, axes], [y]), "computed at run time")


def test_rescaling_extremes_fail_in_the_reference_too() -> None:
    assert not tflm_accepts(reduction("REDUCE_MAX", [1], (2, 4), scale=0.2), [np.zeros((2, 3, 4), np.int8)])
