from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from ops.harness import assert_exact, assert_refused, cases, lowered, seeds
from ops.model_builder import build, constant, operator, tensor


@cases(
    50,
    shape=st.lists(st.integers(1, 5), min_size=1, max_size=5),
    dtype=st.sampled_from(["int8", "int16", "int32", "int64", "float32"]),
    seed=seeds,
)
def test_broadcast_to(shape: list[int], dtype: str, seed: int) -> None:
    generator = np.random.default_rng(seed)
    kept = [1 if generator.random() < 0.4 else n for n in shape][int(generator.integers(0, len(shape) + 1)) :]
    x, y = tensor(kept, dtype), tensor(shape, dtype)
    target = constant(np.array(shape, generator.choice([np.int32, np.int64])))
    assert_exact(build([operator("BROADCAST_TO", [x, target], [y])], [x], [y]), seed)


def test_shape_that_does_not_broadcast_is_refused() -> None:
    x, y = tensor((2, 3), "int8"), tensor((4, 3), "int8")
    model = build([operator("BROADCAST_TO", [x, constant(np.array([4, 3], np.int32))], [y])], [x], [y])
    assert_refused(model, "cannot broadcast")


@cases(
    20,
    shape=st.lists(st.integers(1, 7), min_size=1, max_size=4),
    dtype=st.sampled_from(["int8", "int32", "float32"]),
    seed=seeds,
)
def test_fill(shape: list[int], dtype: str, seed: int) -> None:
    x, y = tensor((), dtype), tensor(shape, dtype)
    assert_exact(build([operator("FILL", [constant(np.array(shape, np.int32)), x], [y])], [x], [y]), seed)


def test_large_constant_results_stay_out_of_flash() -> None:
    x, y = tensor((1,), "int8"), tensor((40, 50), "int8")
    filling = operator("FILL", [constant(np.array([40, 50], np.int32)), constant(np.array(-3, np.int8))], [y])
    model = build([filling], [x], [y])
    assert_exact(model)
    assert lowered(model).const_bytes <= 64


@cases(20, shape=st.lists(st.integers(1, 7), min_size=1, max_size=4), dtype=st.sampled_from(["int8", "int32", "int64"]))
def test_zeros_like(shape: list[int], dtype: str) -> None:
    x, y = tensor(shape, dtype, 0.5, 7), tensor(shape, dtype, 0.5, 7)
    assert_exact(build([operator("ZEROS_LIKE", [x], [y])], [x], [y]))


def test_broadcast_args_is_folded() -> None:
    first, second = constant(np.array([3, 1, 5], np.int32)), constant(np.array([4, 1], np.int32))
    shape, x, y = tensor((3,), "int32"), tensor((4, 1), "int8"), tensor((3, 4, 5), "int8")
    model = build(
        [operator("BROADCAST_ARGS", [first, second], [shape]), operator("BROADCAST_TO", [x, shape], [y])], [x], [y]
    )
    assert [call.kernel.name for call in lowered(model).calls] == ["strided_copy"]
    assert lowered(model).const_bytes == 0
    only = build([operator("BROADCAST_ARGS", [first, second], [shape])], [x], [shape])
    assert_exact(only)
