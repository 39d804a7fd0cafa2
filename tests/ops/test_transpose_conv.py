from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from ops.harness import assert_exact, assert_refused, cases, seeds, tflm_accepts
from ops.model_builder import TensorSpec, build, constant, operator, tensor
from ops.strategies import activations, bias, gains, log_scales, paddings, weights, zero_points


def model(
    *,
    size: tuple[int, int] = (3, 3),
    channels: tuple[int, int] = (2, 3),
    kernel: tuple[int, int] = (3, 3),
    stride: tuple[int, int] = (2, 2),
    grow: tuple[int, int] = (0, 0),
    padding: str = "SAME",
    dtype: str = "int8",
    scales: tuple[float, float] = (0.05, 0.1),
    zero_points: tuple[int, int] = (0, 0),
    activation: str = "NONE",
    bias_dtype: str | None = None,
    per_channel: bool = True,
    batches: int = 1,
    seed: int = 0,
) -> bytes:
    """The transposed convolution to the size that belongs to the input's, and `grow` pixels more."""
    generator = np.random.default_rng(seed)
    depth, outputs = channels
    x = tensor((batches, *size, depth), dtype, scales[0], zero_points[0])
    w_scales = generator.uniform(0.002, 0.02, outputs if per_channel else 1).astype(np.float32)
    w = constant(weights(generator, (outputs, *kernel, depth)), w_scales)
    out = [n * s + (max(k - s, 0) if padding == "VALID" else 0) for n, s, k in zip(size, stride, kernel, strict=True)]
    y = tensor(
        (batches, *(max(n + g, 1) for n, g in zip(out, grow, strict=True)), outputs), dtype, scales[1], zero_points[1]
    )
    inputs: list[TensorSpec | None] = [constant(np.array(y.shape, np.int32)), w, x]
    if bias_dtype:
        values = bias(generator, outputs, np.float32(scales[0]) * w_scales).data
        assert values is not None
        inputs.append(constant(values.astype(bias_dtype), np.float32(scales[0]) * w_scales))
    options = {
        "padding": padding,
        "stride_h": stride[0],
        "stride_w": stride[1],
        "fused_activation_function": activation,
    }
    return build([operator("TRANSPOSE_CONV", inputs, [y], version=3, options=options)], [x], [y])


@cases(
    60,
    size=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    channels=st.tuples(st.integers(1, 6), st.integers(1, 5)),
    kernel=st.tuples(st.integers(1, 6), st.integers(1, 4)),
    stride=st.tuples(st.integers(1, 4), st.integers(1, 3)),
    grow=st.tuples(st.integers(-2, 3), st.integers(-2, 3)),
    padding=paddings,
    dtype=st.sampled_from(["int8", "int16"]),
    scale=log_scales,
    gain=gains,
    points=st.tuples(zero_points("int8"), zero_points("int8")),
    activation=activations,
    has_bias=st.booleans(),
    narrow_bias=st.booleans(),
    per_channel=st.booleans(),
    batches=st.integers(1, 2),
    seed=seeds,
)
def test_equal(
    *,
    size: tuple[int, int],
    channels: tuple[int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    grow: tuple[int, int],
    padding: str,
    dtype: str,
    scale: float,
    gain: float,
    points: tuple[int, int],
    activation: str,
    has_bias: bool,
    narrow_bias: bool,
    per_channel: bool,
    batches: int,
    seed: int,
) -> None:
    spread = 0.3 * np.sqrt(channels[0] * 4.0)
    bias_dtype = "int32" if dtype == "int8" else ("int16" if narrow_bias else "int64")
    content = model(
        size=size,
        channels=channels,
        kernel=kernel,
        stride=stride,
        grow=grow,
        padding=padding,
        dtype=dtype,
        scales=(scale, float(np.float32(scale * spread * gain))),
        zero_points=points if dtype == "int8" else (0, 0),
        activation=activation,
        bias_dtype=bias_dtype if has_bias else None,
        per_channel=per_channel,
        batches=batches,
        seed=seed,
    )
    assert_exact(content, seed)


def test_padding_where_the_kernel_is_larger_than_the_output() -> None:
    for kernel in range(4, 13):
        assert_exact(model(size=(1, 1), kernel=(kernel, 2), stride=(3, 1), grow=(3 - kernel, 0), padding="VALID"))
        assert_exact(model(size=(1, 1), kernel=(kernel, 2), stride=(3, 1), grow=(-20, 0), padding="VALID"))


def test_refusals() -> None:
    assert_refused(model(dtype="int16", bias_dtype="int32"), "int32 tensor .*int16, int64")
    assert_refused(model(dtype="float32"), "float32 tensor .*int8, int16")
    assert_refused(model(stride=(0, 1)), "stride 0")
    assert tflm_accepts(model())
