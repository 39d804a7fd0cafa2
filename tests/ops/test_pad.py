from __future__ import annotations

import numpy as np
import pytest
from hypothesis import strategies as st

from ops.harness import assert_exact, assert_refused, cases, lowered, seeds, tflm_accepts
from ops.model_builder import TensorSpec, build, constant, operator, tensor
from ops.strategies import zero_points


@st.composite
def shapes_and_paddings(draw: st.DrawFn) -> tuple[list[int], list[tuple[int, int]]]:
    shape = draw(st.lists(st.integers(1, 5), min_size=1, max_size=5))
    side = st.integers(0, 3)
    return shape, [(draw(side), draw(side)) if draw(st.booleans()) else (0, 0) for _ in shape]


def pad(
    shape: list[int], paddings: list[tuple[int, int]], dtype: str, zero_point: int, value: TensorSpec | None
) -> bytes:
    quantisation = (0.1, zero_point) if dtype in ("int8", "int16") else ()
    x = tensor(shape, dtype, *quantisation)
    y = tensor([a + n + b for n, (a, b) in zip(shape, paddings, strict=True)], dtype, *quantisation)
    inputs = [x, constant(np.array(paddings, np.int32))]
    if value is not None:
        inputs.append(value)
    fed = [x] if value is None or value.data is not None else [x, value]
    return build([operator("PAD" if value is None else "PADV2", inputs, [y])], fed, [y])


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "float32"])
@cases(
    40,
    shape_and_paddings=shapes_and_paddings(),
    zero_point=zero_points("int8"),
    kind=st.sampled_from(["PAD", "constant", "computed"]),
    seed=seeds,
)
def test_equal(
    *, dtype: str, shape_and_paddings: tuple[list[int], list[tuple[int, int]]], zero_point: int, kind: str, seed: int
) -> None:
    shape, paddings = shape_and_paddings
    value = None
    if kind != "PAD":
        data = np.array([seed % 100 - 50], dtype) if kind == "constant" else None
        value = tensor((1,), dtype, *((0.1, zero_point) if dtype == "int8" else ()), data=data)
    assert_exact(pad(shape, paddings, dtype, zero_point, value), seed)


def test_no_padding_costs_nothing() -> None:
    model = pad([1, 4, 4, 2], [(0, 0)] * 4, "int8", 3, None)
    assert lowered(model).calls == ()


def test_an_image_takes_two_calls() -> None:
    model = pad([1, 4, 4, 2], [(0, 0), (1, 1), (1, 1), (0, 0)], "int8", 3, None)
    assert [call.kernel.name for call in lowered(model).calls] == ["fill", "strided_copy"]


def test_refuses_what_does_not_fit() -> None:
    x, y = tensor((2, 2), "int8", 0.1), tensor((2, 5), "int8", 0.1)
    wrong = build([operator("PAD", [x, constant(np.array([[0, 0], [1, 1]], np.int32))], [y])], [x], [y])
    assert_refused(wrong, "gives the shape \\[2, 4\\]")
    short = build([operator("PAD", [x, constant(np.array([[0, 0]], np.int32))], [y])], [x], [y])
    assert_refused(short, "4 are needed")
    y = tensor((2, 1), "int8", 0.1)
    negative = build([operator("PAD", [x, constant(np.array([[0, 0], [-1, 0]], np.int32))], [y])], [x], [y])
    assert_refused(negative, "negative paddings")


def test_refuses_a_value_of_another_scale_like_the_reference() -> None:
    model = pad([2, 2], [(0, 0), (1, 1)], "int8", 0, constant(np.array([3], np.int8), 0.2, 0))
    assert_refused(model, "another scale or zero point in the padding value")
    assert not tflm_accepts(model)
