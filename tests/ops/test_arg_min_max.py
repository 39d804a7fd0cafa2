from __future__ import annotations

import numpy as np
import pytest
from hypothesis import strategies as st

from ops.harness import assert_exact, assert_refused, cases, seeds, tflm_accepts
from ops.model_builder import build, constant, operator, tensor


def model(name: str, shape: tuple[int, ...], axis: int, dtype: str = "int8", output: str = "int32") -> bytes:
    x = tensor(shape, dtype, 0.1 if dtype != "float32" else None)
    kept = [n for number, n in enumerate(shape) if number != axis % len(shape)]
    y = tensor(kept, output)
    options = {"output_type": output.upper()}
    return build([operator(name, [x, constant(np.array(axis, np.int32))], [y], options=options)], [x], [y])


@pytest.mark.parametrize("name", ["ARG_MAX", "ARG_MIN"])
@cases(
    30,
    shape=st.lists(st.integers(1, 5), min_size=1, max_size=4).map(tuple),
    axis=st.integers(-4, 3),
    dtype=st.sampled_from(["int8", "float32"]),
    seed=seeds,
)
def test_equal(name: str, shape: tuple[int, ...], axis: int, dtype: str, seed: int) -> None:
    rank = len(shape)
    assert_exact(model(name, shape, (axis % rank) - (rank if axis < 0 else 0), dtype), seed)


def test_the_first_of_equals_wins() -> None:
    steps = [[np.array([[3, 7, 7, 1]], np.int8)]]
    assert assert_exact(model("ARG_MAX", (1, 4), 1), steps=steps)[0][0].tolist() == [1]


def test_refuses_what_the_reference_does() -> None:
    assert_refused(model("ARG_MAX", (2, 3), 1, "int16"), "int16 tensor .*int8, float32")
    assert_refused(model("ARG_MAX", (2, 3), 1, output="int64"), "int64 tensor .*int32")
    assert not tflm_accepts(model("ARG_MAX", (2, 3), 1, "int16"), [np.zeros((2, 3), np.int16)])
    assert not tflm_accepts(model("ARG_MAX", (2, 3), 1, output="int64"), [np.zeros((2, 3), np.int8)])
