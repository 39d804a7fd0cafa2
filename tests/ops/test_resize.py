from __future__ import annotations

import numpy as np
import pytest
from hypothesis import strategies as st

from ops.harness import assert_exact, assert_refused, cases, lowered, seeds
from ops.model_builder import build, constant, operator, tensor

sizes = st.tuples(st.integers(1, 9), st.integers(1, 9))
modes = st.sampled_from([(False, False), (False, False), (True, False), (False, True)])


def resized(
    name: str,
    shape: tuple[int, ...],
    size: tuple[int, int],
    dtype: str = "int8",
    mode: tuple[bool, bool] = (False, False),
) -> bytes:
    x, y = tensor(shape, dtype, 0.1, 3), tensor((shape[0], *size, shape[3]), dtype, 0.1, 3)
    named = constant(np.array(size, np.int32))
    scaling = operator(name, [x, named], [y], align_corners=mode[0], half_pixel_centers=mode[1])
    return build([scaling], [x], [y])


@pytest.mark.parametrize("name", ["RESIZE_NEAREST_NEIGHBOR", "RESIZE_BILINEAR"])
@cases(
    80,
    batches=st.integers(1, 2),
    size=sizes,
    channels=st.integers(1, 5),
    target=sizes,
    dtype=st.sampled_from(["int8", "float32"]),
    mode=modes,
    seed=seeds,
)
def test_equal(
    *,
    name: str,
    batches: int,
    size: tuple[int, int],
    channels: int,
    target: tuple[int, int],
    dtype: str,
    mode: tuple[bool, bool],
    seed: int,
) -> None:
    assert_exact(resized(name, (batches, *size, channels), target, dtype, mode), seed)


@cases(30, size=st.tuples(*[st.integers(1, 300)] * 2), target=st.tuples(*[st.integers(1, 300)] * 2), mode=modes)
def test_large_sizes(*, size: tuple[int, int], target: tuple[int, int], mode: tuple[bool, bool]) -> None:
    for name in ("RESIZE_NEAREST_NEIGHBOR", "RESIZE_BILINEAR"):
        if name == "RESIZE_BILINEAR" and any(b * b > 1500 * a for a, b in zip(size, target, strict=True)):
            continue
        assert_exact(resized(name, (1, size[0], 1, 1), (target[0], 1), mode=mode))
        assert_exact(resized(name, (1, 1, size[1], 1), (1, target[1]), mode=mode))


def test_int16() -> None:
    assert_exact(resized("RESIZE_NEAREST_NEIGHBOR", (1, 3, 5, 2), (7, 4), "int16"))


def test_whole_factors_need_no_tables() -> None:
    program = lowered(resized("RESIZE_NEAREST_NEIGHBOR", (1, 3, 4, 2), (6, 12)))
    assert [call.kernel.name for call in program.calls] == ["strided_copy"]
    assert program.const_bytes == 0


def test_refuses_what_the_reference_would_read_outside() -> None:
    assert_refused(resized("RESIZE_BILINEAR", (1, 1, 1, 1), (1, 55)), "outside the input")


def test_refuses_an_output_of_another_size() -> None:
    x, y = tensor((1, 2, 2, 1), "int8", 0.1), tensor((1, 4, 5, 1), "int8", 0.1)
    size = constant(np.array([4, 4], np.int32))
    for name in ("RESIZE_NEAREST_NEIGHBOR", "RESIZE_BILINEAR"):
        assert_refused(build([operator(name, [x, size], [y])], [x], [y]), r"\[1, 4, 5, 1\]")
