from __future__ import annotations

import numpy as np
import pytest
from hypothesis import strategies as st

from ops.harness import assert_exact, assert_refused, cases, lowered, seeds
from ops.model_builder import build, constant, operator, tensor

DTYPES = st.sampled_from(["int8", "int16", "int32", "float32"])
SHAPES = st.lists(st.integers(1, 6), min_size=1, max_size=4)


def vector(values: list[int]) -> object:
    return constant(np.array(values, np.int32))


@cases(120, shape=SHAPES, dtype=DTYPES | st.just("bool"), seed=seeds)
def test_strided_slice(shape: list[int], dtype: str, seed: int) -> None:
    generator = np.random.default_rng(seed)
    begins, ends, steps, out, masks = [], [], [], [], {"begin": 0, "end": 0, "shrink_axis": 0}
    for axis, size in enumerate(shape):
        step = int(generator.choice([1, 1, 1, 2, 3, -1, -2]))
        begin, end = (int(v) for v in generator.integers(-size - 2, size + 2, 2))
        for name in ("begin", "end"):
            masks[name] |= int(generator.random() < 0.3) << axis
        if generator.random() < 0.15:
            masks["shrink_axis"] |= 1 << axis
            masks["begin"] &= ~(1 << axis)
            begin, step = int(generator.integers(-size, size)), 1
        else:
            first = None if masks["begin"] >> axis & 1 else begin
            last = None if masks["end"] >> axis & 1 else end
            # A stop in front of the first element is -1 in NumPy's form, and TFLite's clamped one.
            if last is not None and step < 0 and last < -size:
                last = -size - 1
            count = len(range(*slice(first, last, step).indices(size)))
            if count == 0:
                begin, end, step, count = 0, size, 1, size
                masks["begin"] |= 1 << axis
                masks["end"] |= 1 << axis
            out.append(count)
        begins, ends, steps = [*begins, begin], [*ends, end], [*steps, step]
    x, y = tensor(shape, dtype), tensor(out, dtype)
    slicing = operator(
        "STRIDED_SLICE",
        [x, vector(begins), vector(ends), vector(steps)],
        [y],
        begin_mask=masks["begin"],
        end_mask=masks["end"],
        shrink_axis_mask=masks["shrink_axis"],
    )
    assert_exact(build([slicing], [x], [y]), seed)


@cases(40, shape=st.lists(st.integers(1, 6), min_size=1, max_size=5), dtype=DTYPES | st.just("bool"), seed=seeds)
def test_slice(shape: list[int], dtype: str, seed: int) -> None:
    generator = np.random.default_rng(seed)
    begins = [int(generator.integers(0, size)) for size in shape]
    sizes = [int(generator.integers(1, size - begin + 1)) for size, begin in zip(shape, begins, strict=True)]
    given = [
        -1 if begin + n == size and generator.random() < 0.5 else n
        for size, begin, n in zip(shape, begins, sizes, strict=True)
    ]
    x, y = tensor(shape, dtype), tensor(sizes, dtype)
    assert_exact(build([operator("SLICE", [x, vector(begins), vector(given)], [y])], [x], [y]), seed)


@cases(40, shape=SHAPES, parts=st.integers(1, 4), dtype=DTYPES, seed=seeds)
def test_split(shape: list[int], parts: int, dtype: str, seed: int) -> None:
    axis = int(np.random.default_rng(seed).integers(0, len(shape)))
    x = tensor([n * parts if i == axis else n for i, n in enumerate(shape)], dtype)
    outputs = [tensor(shape, dtype) for _ in range(parts)]
    named = constant(np.array(axis - (seed % 2) * len(shape), np.int32))
    assert_exact(build([operator("SPLIT", [named, x], outputs, num_splits=parts)], [x], outputs), seed)


@cases(40, shape=SHAPES, sizes=st.lists(st.integers(1, 5), min_size=1, max_size=4), dtype=DTYPES, seed=seeds)
def test_split_v(shape: list[int], sizes: list[int], dtype: str, seed: int) -> None:
    axis = int(np.random.default_rng(seed).integers(0, len(shape)))
    x = tensor([sum(sizes) if i == axis else n for i, n in enumerate(shape)], dtype)
    outputs = [tensor([size if i == axis else n for i, n in enumerate(shape)], dtype) for size in sizes]
    named = constant(np.array(axis - (seed % 2) * len(shape), np.int32))
    splitting = operator("SPLIT_V", [x, vector(sizes), named], outputs, num_splits=len(sizes))
    assert_exact(build([splitting], [x], outputs), seed)


@cases(30, shape=SHAPES, dtype=DTYPES, seed=seeds)
def test_unpack(shape: list[int], dtype: str, seed: int) -> None:
    axis = int(np.random.default_rng(seed).integers(0, len(shape)))
    x = tensor(shape, dtype)
    outputs = [tensor(shape[:axis] + shape[axis + 1 :], dtype) for _ in range(shape[axis])]
    unpacking = operator("UNPACK", [x], outputs, num=shape[axis], axis=axis - (seed % 2) * len(shape))
    assert_exact(build([unpacking], [x], outputs), seed)


def test_contiguous_part_is_a_view() -> None:
    x, y = tensor((1, 6, 8), "int8"), tensor((1, 4, 8), "int8")
    program = lowered(build([operator("SLICE", [x, vector([0, 2, 0]), vector([1, 4, 8])], [y])], [x], [y]))
    assert program.calls == ()
    assert program.outputs[0].operand.offset == 16


@pytest.mark.parametrize(
    ("begin", "size", "output"),
    [([1, 0], [3, 4], (3, 4)), ([0, -1], [2, 2], (2, 2)), ([0, 0], [2, 2], (2, 3)), ([0], [2], (2, 4))],
)
def test_slice_outside_is_refused(begin: list[int], size: list[int], output: tuple[int, ...]) -> None:
    x, y = tensor((3, 4), "int8"), tensor(output, "int8")
    assert_refused(build([operator("SLICE", [x, vector(begin), vector(size)], [y])], [x], [y]), "SLICE")


def test_wrong_shapes_are_refused() -> None:
    x = tensor((2, 6), "int8")
    parts = [tensor((2, 3), "int8"), tensor((2, 4), "int8")]
    axis = constant(np.array(1, np.int32))
    assert_refused(build([operator("SPLIT", [axis, x], parts, num_splits=2)], [x], parts), "SPLIT")
    assert_refused(build([operator("SPLIT_V", [x, vector([3, 4]), axis], parts)], [x], parts), "SPLIT_V")
    y = tensor((2, 5), "int8")
    slicing = operator("STRIDED_SLICE", [x, vector([0, 0]), vector([2, 6]), vector([1, 1])], [y])
    assert_refused(build([slicing], [x], [y]), "gives the shape")


def test_split_along_a_missing_axis_is_refused() -> None:
    x, y = tensor((2, 6), "int8"), tensor((2, 6), "int8")
    axis = constant(np.array(2, np.int32))
    assert_refused(build([operator("SPLIT", [axis, x], [y], num_splits=1)], [x], [y]), "axis 2")
