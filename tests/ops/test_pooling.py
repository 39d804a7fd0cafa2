from __future__ import annotations

import pytest
from hypothesis import strategies as st

from ops.harness import assert_exact, assert_refused, cases, seeds, tflm_accepts
from ops.model_builder import build, operator, tensor
from ops.strategies import activations, log_scales, output_sizes, paddings, zero_points

POOLS = ["AVERAGE_POOL_2D", "MAX_POOL_2D"]


@pytest.mark.parametrize("name", POOLS)
@cases(
    50,
    batches=st.integers(1, 2),
    size=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    channels=st.integers(1, 9),
    kernel=st.tuples(st.integers(1, 11), st.integers(1, 5)),
    stride=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    padding=paddings,
    dtype=st.sampled_from(["int8", "int8", "int16"]),
    scale=log_scales,
    zero_point=zero_points("int8"),
    activation=activations,
    seed=seeds,
)
def test_equal(
    *,
    name: str,
    batches: int,
    size: tuple[int, int],
    channels: int,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: str,
    dtype: str,
    scale: float,
    zero_point: int,
    activation: str,
    seed: int,
) -> None:
    padding, outputs = output_sizes(size, kernel, stride, (1, 1), padding)
    x = tensor((batches, *size, channels), dtype, scale, zero_point)
    y = tensor((batches, *outputs, channels), dtype, scale, zero_point)
    options = {
        "padding": padding,
        "filter_height": kernel[0],
        "filter_width": kernel[1],
        "stride_h": stride[0],
        "stride_w": stride[1],
        "fused_activation_function": activation,
    }
    assert_exact(build([operator(name, [x], [y], options=options)], [x], [y]), seed)


def pool(
    name: str, output: tuple[int, ...] = (1, 2, 2, 3), scale: float = 0.1, size: int = 2, stride: int = 2
) -> bytes:
    x, y = tensor((1, 4, 4, 3), "int8", 0.1), tensor(output, "int8", scale)
    options = {"filter_height": size, "filter_width": 2, "stride_h": stride, "stride_w": 2}
    return build([operator(name, [x], [y], options=options)], [x], [y])


@pytest.mark.parametrize("name", POOLS)
def test_refuses_what_does_not_match(name: str) -> None:
    assert_refused(pool(name, output=(1, 2, 3, 3)), "output size 3 where 2 follows")
    assert_refused(pool(name, output=(1, 2, 2, 4)), "turns")
    assert_refused(pool(name, size=0), "kernel 0")
    assert_refused(pool(name, stride=0), "stride 0")
    assert_refused(pool(name, size=2**31 - 1), "windows of 1 to 2\\^24")


@pytest.mark.parametrize("name", POOLS)
def test_refuses_rescaling_like_the_reference(name: str) -> None:
    assert_refused(pool(name, scale=0.2), "does not rescale")
    assert not tflm_accepts(pool(name, scale=0.2))
    assert_exact(pool(name, scale=0.1 + 1e-8))
