from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from ops.harness import assert_exact, assert_refused, cases, lowered, seeds
from ops.model_builder import build, constant, operator, tensor


def transposed(shape: list[int], order: list[int], dtype: str) -> bytes:
    x, y = tensor(shape, dtype), tensor([shape[axis] for axis in order], dtype)
    return build([operator("TRANSPOSE", [x, constant(np.array(order, np.int32))], [y])], [x], [y])


@cases(
    60,
    shape=st.lists(st.integers(1, 5), min_size=1, max_size=5),
    dtype=st.sampled_from(["int8", "int16", "float32"]),
    seed=seeds,
)
def test_transpose(shape: list[int], dtype: str, seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(shape)).tolist()
    assert_exact(transposed(shape, order, dtype), seed)


def test_transpose_that_moves_nothing_is_a_view() -> None:
    assert lowered(transposed([1, 4, 1, 6], [1, 0, 3, 2], "int8")).calls == ()


def test_transpose_with_a_repeated_axis_is_refused() -> None:
    assert_refused(transposed([2, 3], [1, 1], "int8"), "permutation")


@cases(
    40,
    shape=st.lists(st.integers(1, 5), min_size=1, max_size=5),
    dtype=st.sampled_from(["int8", "uint8", "int16", "int32", "int64", "float32", "bool"]),
    seed=seeds,
)
def test_reverse(shape: list[int], dtype: str, seed: int) -> None:
    generator = np.random.default_rng(seed)
    first = int(generator.integers(0, len(shape)))
    last = int(generator.integers(first, len(shape)))
    axes = [axis - (seed % 2) * len(shape) for axis in range(first, last + 1)]
    x, y = tensor(shape, dtype), tensor(shape, dtype)
    named = constant(generator.permutation(np.array(axes, np.int32)))
    assert_exact(build([operator("REVERSE_V2", [x, named], [y])], [x], [y]), seed)


@cases(
    40,
    size=st.tuples(st.integers(1, 2), st.integers(1, 4), st.integers(1, 4), st.integers(1, 5)),
    block=st.integers(1, 3),
    to_depth=st.booleans(),
    dtype=st.sampled_from(["int8", "float32"]),
    seed=seeds,
)
def test_space_and_depth(size: tuple[int, int, int, int], block: int, to_depth: bool, dtype: str, seed: int) -> None:
    batches, height, width, depth = size
    wide = tensor((batches, height * block, width * block, depth), dtype)
    deep = tensor((batches, height, width, depth * block * block), dtype)
    x, y = (wide, deep) if to_depth else (deep, wide)
    name = "SPACE_TO_DEPTH" if to_depth else "DEPTH_TO_SPACE"
    assert_exact(build([operator(name, [x], [y], block_size=block)], [x], [y]), seed)


def test_block_size_that_does_not_fit_is_refused() -> None:
    x, y = tensor((1, 4, 4, 2), "int8"), tensor((1, 2, 2, 6), "int8")
    assert_refused(build([operator("SPACE_TO_DEPTH", [x], [y], block_size=2)], [x], [y]), "block size 2")
