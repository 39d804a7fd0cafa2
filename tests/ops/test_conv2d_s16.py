from __future__ import annotations

import flatbuffers
import numpy as np
from hypothesis import strategies as st

import tflite
from fieldwren.tflite.options import decode
from ops.harness import assert_exact, assert_refused, cases, lowered, seeds
from ops.model_builder import build, constant, operator, tensor
from ops.strategies import activations, gains, log_scales, output_sizes, paddings, weights


@cases(
    80,
    batches=st.integers(1, 2),
    size=st.tuples(st.integers(1, 8), st.integers(1, 8)),
    depth=st.integers(1, 6),
    groups=st.sampled_from([1, 1, 2]),
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    stride=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    dilation=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    padding=paddings,
    bias_type=st.sampled_from(["int32", "int64", None]),
    input_scale=log_scales,
    gain=gains,
    activation=activations,
    seed=seeds,
)
def test_equal(
    *,
    batches: int,
    size: tuple[int, int],
    depth: int,
    groups: int,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
    padding: str,
    bias_type: str | None,
    input_scale: float,
    gain: float,
    activation: str,
    seed: int,
) -> None:
    generator = np.random.default_rng(seed)
    channels = groups * int(generator.integers(1, 4))
    padding, outputs = output_sizes(size, kernel, stride, dilation, padding)
    scales = generator.uniform(0.002, 0.02, channels)
    x = tensor((batches, *size, depth * groups), "int16", input_scale)
    w = constant(weights(generator, (channels, *kernel, depth)), scales)
    b = None
    if bias_type is not None:
        spread = 2e5 if bias_type == "int32" else 1e9
        b = constant(np.rint(generator.normal(0, spread, channels)).astype(bias_type), input_scale * scales)
    y = tensor((batches, *outputs, channels), "int16", gain * input_scale * scales.max() * 20)
    convolution = operator(
        "CONV_2D",
        [x, w, b],
        [y],
        padding=padding,
        stride_h=stride[0],
        stride_w=stride[1],
        dilation_h_factor=dilation[0],
        dilation_w_factor=dilation[1],
        fused_activation_function=activation,
    )
    assert_exact(build([convolution], [x], [y]), seed)


def test_32_bit_sums_wrap_like_the_reference() -> None:
    x = tensor((1, 1, 1, 900), "int16", 0.001)
    w = constant(np.full((2, 1, 1, 900), 127, np.int8), 0.01)
    b = constant(np.array([2**31 - 1, -(2**31)], np.int32), 1e-5)
    y = tensor((1, 1, 1, 2), "int16", 1.0)
    convolution = operator("CONV_2D", [x, w, b], [y], stride_h=1, stride_w=1)
    ends = [np.full((1, 1, 1, 900), end, np.int16) for end in (32767, -32768)]
    assert_exact(build([convolution], [x], [y]), steps=[[values] for values in ends])


def test_refuses_sums_that_leave_the_reference_range() -> None:
    x, y = tensor((1, 1, 1, 1), "int16", 0.001), tensor((1, 1, 1, 1), "int16", 0.001)
    w = constant(np.full((1, 1, 1, 1), 127, np.int8), 0.01)
    for value in (2**47, -(2**63)):
        b = constant(np.array([value], np.int64), 1e-5)
        assert_refused(build([operator("CONV_2D", [x, w, b], [y], stride_h=1, stride_w=1)], [x], [y]), "sums up to")
    tiny = tensor((1, 1, 1, 1), "int16", 1e-9)
    model = build([operator("CONV_2D", [x, w, None], [tiny], stride_h=1, stride_w=1)], [x], [tiny])
    assert_refused(model, r"scaled by up to 2\^14")


def test_bias_type_of_layers_without_bias_is_read() -> None:
    # The tflite package has no accessor for the field.
    b = flatbuffers.Builder(64)
    b.StartObject(7)
    b.PrependInt8Slot(6, tflite.TensorType.INT32, 0)
    b.Finish(b.EndObject())
    content = b.Output()
    table = flatbuffers.table.Table(content, flatbuffers.encode.Get(flatbuffers.packer.uoffset, content, 0))
    assert decode(tflite.BuiltinOptions.Conv2DOptions, table)["quantized_bias_type"] == tflite.TensorType.INT32


def test_sums_are_64_bit_without_a_bias() -> None:
    x, y = tensor((1, 1, 1, 4), "int16", 0.001), tensor((1, 1, 1, 1), "int16", 0.001)
    w = constant(np.full((1, 1, 1, 4), 127, np.int8), 0.01)
    (call,) = lowered(build([operator("CONV_2D", [x, w, None], [y], stride_h=1, stride_w=1)], [x], [y])).calls
    values = dict(zip((p.name for p in call.kernel.parameters), call.parameters, strict=True))
    assert values["is_narrow"] == 0
