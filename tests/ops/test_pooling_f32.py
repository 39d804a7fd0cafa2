from __future__ import annotations

import pytest
from hypothesis import strategies as st

from ops.harness import assert_exact, assert_refused, cases, seeds, tflm_accepts
from ops.model_builder import build, operator, tensor
from ops.strategies import activations, output_sizes, paddings


def model(
    name: str,
    size: tuple[int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: str,
    *,
    dtype: str = "float32",
    activation: str = "NONE",
    channels: int = 2,
) -> bytes:
    padding, outputs = output_sizes(size, kernel, stride, (1, 1), padding)
    scale = None if dtype == "float32" else 0.1
    x, y = tensor((2, *size, channels), dtype, scale), tensor((2, *outputs, channels), dtype, scale)
    options = {
        "padding": padding,
        "filter_height": kernel[0],
        "filter_width": kernel[1],
        "stride_h": stride[0],
        "stride_w": stride[1],
        "fused_activation_function": activation,
    }
    return build([operator(name, [x], [y], options=options)], [x], [y])


@pytest.mark.parametrize("name", ["AVERAGE_POOL_2D", "MAX_POOL_2D", "L2_POOL_2D"])
@cases(
    20,
    size=st.tuples(st.integers(1, 7), st.integers(1, 7)),
    kernel=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    stride=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    padding=paddings,
    activation=activations,
    channels=st.integers(1, 3),
    seed=seeds,
)
def test_equal(
    *,
    name: str,
    size: tuple[int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: str,
    activation: str,
    channels: int,
    seed: int,
) -> None:
    assert_exact(model(name, size, kernel, stride, padding, activation=activation, channels=channels), seed)


def test_l2_refuses_int8_like_the_reference() -> None:
    content = model("L2_POOL_2D", (4, 4), (2, 2), (2, 2), "SAME", dtype="int8")
    assert_refused(content, "int8 tensor .*float32")
    assert not tflm_accepts(content)
