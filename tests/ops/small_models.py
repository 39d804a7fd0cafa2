"""One small model of every operator for any element type: what the type tests and the documentation's checks run."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ops.model_builder import TensorSpec, build, constant, operator, tensor

QUANTISED = ("int8", "int16", "uint8")
SHAPE = (1, 2, 2, 4)


def typed(
    dtype: str, shape: Sequence[int] = SHAPE, scale: float = 0.05, *, data: bool = False, zero_point: int = 0
) -> TensorSpec:
    """A tensor of `dtype`, with a scale where such tensors have one; `data` makes it a constant of small numbers."""
    quantised = scale if dtype in QUANTISED else None
    if not data:
        return tensor(shape, dtype, quantised, zero_point)
    values = (np.arange(int(np.prod(shape))) % 5 + 1).reshape(tuple(shape))
    return constant(values.astype(dtype), quantised, zero_point)


def ints(*values: int, shape: Sequence[int] | None = None) -> TensorSpec:
    """A constant of int32."""
    return constant(np.array(values, np.int32).reshape(tuple(shape) if shape is not None else (len(values),)))


def _unary(name: str, output: str | None = None, scale: float = 0.05, **options: object) -> Callable[[str], bytes]:
    def make(dtype: str) -> bytes:
        x = typed(dtype)
        y = typed(output or dtype, scale=scale, zero_point=-128 if scale == 1 / 256 and dtype == "int8" else 0)
        return build([operator(name, [x], [y], options=options)], [x], [y])

    return make


def _binary(name: str, output: str | None = None) -> Callable[[str], bytes]:
    def make(dtype: str) -> bytes:
        a, b = typed(dtype), typed(dtype)
        y = typed(output or dtype, scale=0.1)
        return build([operator(name, [a, b], [y])], [a, b], [y])

    return make


def _with(
    name: str,
    *extra: TensorSpec | None,
    shape: Sequence[int] = SHAPE,
    output: Sequence[int] = SHAPE,
    output_dtype: str | None = None,
    **options: object,
) -> Callable[[str], bytes]:
    """The data first, constants after it."""

    def make(dtype: str) -> bytes:
        x, y = typed(dtype, shape), typed(output_dtype or dtype, output)
        return build([operator(name, [x, *extra], [y], options=options)], [x], [y])

    return make


def _window(name: str, **options: object) -> Callable[[str], bytes]:
    pool = {"filter_height": 2, "filter_width": 2, "stride_h": 1, "stride_w": 1, "padding": "SAME"}
    return _unary(name, **(pool | options))


def _weights(dtype: str, shape: Sequence[int], axis: int = 0) -> TensorSpec:
    if dtype == "float32":
        return typed(dtype, shape, data=True)
    stored = "uint8" if dtype == "uint8" else "int8"
    values = (np.arange(int(np.prod(shape))) % 9).reshape(tuple(shape)).astype(stored)
    return constant(values, np.full(shape[axis], 0.02) if stored == "int8" else 0.02, axis=axis)


def _convolution(name: str, weights: Sequence[int], axis: int = 0) -> Callable[[str], bytes]:
    def make(dtype: str) -> bytes:
        x, y = typed(dtype), typed(dtype, scale=0.1)
        step = {"stride_h": 1, "stride_w": 1, "padding": "SAME"}
        w = _weights(dtype, weights, axis)
        if name == "DEPTHWISE_CONV_2D":
            step["depth_multiplier"] = 1
        bias_type = {"float32": "float32", "int16": "int64"}.get(dtype, "int32")
        b = constant(np.arange(SHAPE[3]).astype(bias_type), None if dtype == "float32" else np.full(SHAPE[3], 0.001))
        inputs = [ints(*SHAPE), w, x, b] if name == "TRANSPOSE_CONV" else [x, w, b]
        return build([operator(name, inputs, [y], version=3, options=step)], [x], [y])

    return make


def _fully_connected(dtype: str) -> bytes:
    x, y = typed(dtype, (2, 4)), typed(dtype, (2, 3), 0.1)
    w = (
        _weights(dtype, (3, 4))
        if dtype == "float32"
        else constant(np.ones((3, 4), "uint8" if dtype == "uint8" else "int8"), 0.02)
    )
    return build([operator("FULLY_CONNECTED", [x, w, None], [y], version=4)], [x], [y])


def _split(name: str) -> Callable[[str], bytes]:
    def make(dtype: str) -> bytes:
        x, parts = typed(dtype), [typed(dtype, (1, 2, 2, 2)) for _ in range(2)]
        inputs = [ints(3, shape=()), x] if name == "SPLIT" else [x, ints(2, 2), ints(3, shape=())]
        return build([operator(name, inputs, parts, num_splits=2)], [x], parts)

    return make


def _unpack(dtype: str) -> bytes:
    x, parts = typed(dtype), [typed(dtype, (1, 2, 4)) for _ in range(2)]
    return build([operator("UNPACK", [x], parts, num=2, axis=1)], [x], parts)


def _joined(name: str, shape: Sequence[int], **options: object) -> Callable[[str], bytes]:
    def make(dtype: str) -> bytes:
        a, b, y = typed(dtype), typed(dtype), typed(dtype, shape)
        return build([operator(name, [a, b], [y], options=options)], [a, b], [y])

    return make


def _select(dtype: str) -> bytes:
    c, a, b, y = tensor(SHAPE, "bool"), typed(dtype), typed(dtype), typed(dtype)
    return build([operator("SELECT_V2", [c, a, b], [y])], [c, a, b], [y])


def _filled(dtype: str) -> bytes:
    x, y = typed(dtype, ()), typed(dtype)
    return build([operator("FILL", [ints(*SHAPE), x], [y])], [x], [y])


def _embedding(dtype: str) -> bytes:
    table, y, x, same = typed(dtype, (4, 5), data=True), typed(dtype, (3, 5)), typed(dtype), typed(dtype)
    lookup = operator("EMBEDDING_LOOKUP", [ints(2, 0, 3), table], [y])
    # A model needs an input, and the operator's own would be indices.
    return build([lookup, operator("RESHAPE", [x], [same])], [x], [y, same])


def _update(dtype: str) -> bytes:
    x, u, y = typed(dtype, (3, 4)), typed(dtype, (2, 2)), typed(dtype, (3, 4))
    return build([operator("DYNAMIC_UPDATE_SLICE", [x, u, ints(1, 1)], [y])], [x, u], [y])


def _padded(dtype: str) -> bytes:
    x, y = typed(dtype), typed(dtype, (1, 3, 2, 4))
    paddings = ints(0, 0, 1, 0, 0, 0, 0, 0, shape=(4, 2))
    return build([operator("PADV2", [x, paddings, typed(dtype, (1,), data=True)], [y])], [x], [y])


def _matmul(dtype: str) -> bytes:
    a, b, y = typed(dtype, (2, 3)), typed(dtype, (3, 4)), typed(dtype, (2, 4), 0.1)
    return build([operator("BATCH_MATMUL", [a, b], [y])], [a, b], [y])


def _mean(name: str) -> Callable[[str], bytes]:
    return _with(name, ints(1, 2), output=(1, 4))


def _squashed(name: str, dtype: str, scale8: float, scale16: float, zero_point: int, **options: object) -> bytes:
    x = typed(dtype)
    y = typed(dtype, scale=scale16 if dtype == "int16" else scale8, zero_point=zero_point if dtype == "int8" else 0)
    return build([operator(name, [x], [y], options=options)], [x], [y])


def _prelu(dtype: str) -> bytes:
    x, y = typed(dtype), typed(dtype)
    slopes = _weights(dtype, (4,)) if dtype == "float32" else constant(np.arange(4).astype("int8"), 0.02)
    return build([operator("PRELU", [x, slopes], [y])], [x], [y])


def _converted(name: str, dtype: str, output: str) -> bytes:
    # QUANTIZE takes int32 with a scale.
    x = tensor(SHAPE, dtype, 0.05) if name == "QUANTIZE" and dtype == "int32" else typed(dtype)
    y = typed(output, scale=0.1)
    options = {} if name != "CAST" else {"in_data_type": dtype.upper(), "out_data_type": output.upper()}
    return build([operator(name, [x], [y], options=options)], [x], [y])


PADS = ints(0, 0, 1, 0, 0, 0, 0, 0, shape=(4, 2))

SMALL_MODELS: dict[str, Callable[[str], bytes]] = {
    **{
        name: _unary(name)
        for name in (
            *("ABS", "NEG", "SQUARE", "SQRT", "RSQRT", "FLOOR", "CEIL", "ROUND", "EXP", "LOG", "ELU"),
            *("HARD_SWISH", "RELU", "RELU6", "LOGICAL_NOT", "ZEROS_LIKE"),
        )
    },
    "LEAKY_RELU": _unary("LEAKY_RELU", alpha=0.1),
    "TANH": lambda dtype: _squashed("TANH", dtype, 1 / 128, 1 / 32768, 0),
    "LOGISTIC": lambda dtype: _squashed("LOGISTIC", dtype, 1 / 256, 1 / 32768, -128),
    "SOFTMAX": lambda dtype: _squashed("SOFTMAX", dtype, 1 / 256, 1 / 32768, -128, beta=1.0),
    "LOG_SOFTMAX": lambda dtype: _squashed("LOG_SOFTMAX", dtype, 16 / 256, 16 / 65536, 127),
    "L2_NORMALIZATION": lambda dtype: _squashed("L2_NORMALIZATION", dtype, 1 / 128, 1 / 32768, 0),
    **{
        name: _binary(name)
        for name in (
            *("ADD", "SUB", "MUL", "DIV", "FLOOR_DIV", "FLOOR_MOD", "MAXIMUM", "MINIMUM", "SQUARED_DIFFERENCE"),
            *("LOGICAL_AND", "LOGICAL_OR", "ADD_N"),
        )
    },
    **{
        name: _binary(name, "bool") for name in ("EQUAL", "NOT_EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL")
    },
    "PRELU": _prelu,
    "ARG_MAX": _with("ARG_MAX", ints(3, shape=()), output=(1, 2, 2), output_dtype="int32"),
    "ARG_MIN": _with("ARG_MIN", ints(3, shape=()), output=(1, 2, 2), output_dtype="int32"),
    "CUMSUM": _with("CUMSUM", ints(3)),
    "MEAN": _mean("MEAN"),
    "SUM": _mean("SUM"),
    "REDUCE_MAX": _mean("REDUCE_MAX"),
    "REDUCE_MIN": _mean("REDUCE_MIN"),
    "REDUCE_ALL": _mean("REDUCE_ALL"),
    "AVERAGE_POOL_2D": _window("AVERAGE_POOL_2D"),
    "MAX_POOL_2D": _window("MAX_POOL_2D"),
    "L2_POOL_2D": _window("L2_POOL_2D"),
    "CONV_2D": _convolution("CONV_2D", (4, 2, 2, 4)),
    "DEPTHWISE_CONV_2D": _convolution("DEPTHWISE_CONV_2D", (1, 2, 2, 4), 3),
    "TRANSPOSE_CONV": _convolution("TRANSPOSE_CONV", (4, 2, 2, 4)),
    "FULLY_CONNECTED": _fully_connected,
    "BATCH_MATMUL": _matmul,
    "QUANTIZE": lambda dtype: _converted("QUANTIZE", dtype, "int8"),
    "DEQUANTIZE": lambda dtype: _converted("DEQUANTIZE", dtype, "float32"),
    "CAST": lambda dtype: _converted("CAST", dtype, "int32" if dtype != "int32" else "int8"),
    "RESHAPE": _with("RESHAPE", ints(4, 4), output=(4, 4)),
    "SQUEEZE": _with("SQUEEZE", output=(2, 2, 4), squeeze_dims=[0]),
    "EXPAND_DIMS": _with("EXPAND_DIMS", ints(0, shape=()), output=(1, *SHAPE)),
    "TRANSPOSE": _with("TRANSPOSE", ints(0, 3, 1, 2), output=(1, 4, 2, 2)),
    "REVERSE_V2": _with("REVERSE_V2", ints(3)),
    "SPACE_TO_DEPTH": _with("SPACE_TO_DEPTH", output=(1, 1, 1, 16), block_size=2),
    "DEPTH_TO_SPACE": _with("DEPTH_TO_SPACE", output=(1, 4, 4, 1), block_size=2),
    "SPACE_TO_BATCH_ND": _with("SPACE_TO_BATCH_ND", ints(2, 2), ints(0, 0, 0, 0, shape=(2, 2)), output=(4, 1, 1, 4)),
    "BATCH_TO_SPACE_ND": _with(
        "BATCH_TO_SPACE_ND", ints(2, 2), ints(0, 0, 0, 0, shape=(2, 2)), shape=(4, 1, 1, 4), output=(1, 2, 2, 4)
    ),
    "STRIDED_SLICE": _with("STRIDED_SLICE", ints(0, 0, 0, 0), ints(1, 2, 2, 4), ints(1, 1, 1, 2), output=(1, 2, 2, 2)),
    "SLICE": _with("SLICE", ints(0, 0, 0, 1), ints(1, 2, 2, 2), output=(1, 2, 2, 2)),
    "SPLIT": _split("SPLIT"),
    "SPLIT_V": _split("SPLIT_V"),
    "UNPACK": _unpack,
    "PACK": _joined("PACK", (2, *SHAPE), values_count=2, axis=0),
    "CONCATENATION": _joined("CONCATENATION", (1, 2, 2, 8), axis=3),
    "SELECT_V2": _select,
    "FILL": _filled,
    "BROADCAST_TO": _with("BROADCAST_TO", ints(3, 2, 2, 4), output=(3, 2, 2, 4)),
    "PAD": _with("PAD", PADS, output=(1, 3, 2, 4)),
    "PADV2": _padded,
    "MIRROR_PAD": _with("MIRROR_PAD", PADS, output=(1, 3, 2, 4), mode="REFLECT"),
    "GATHER": _with("GATHER", ints(3, 0, 2), output=(1, 2, 2, 3), axis=3),
    "GATHER_ND": _with("GATHER_ND", ints(0, 1, shape=(1, 2)), output=(1, 2, 4)),
    "EMBEDDING_LOOKUP": _embedding,
    "DYNAMIC_UPDATE_SLICE": _update,
    "RESIZE_NEAREST_NEIGHBOR": _with("RESIZE_NEAREST_NEIGHBOR", ints(3, 4), output=(1, 3, 4, 4)),
    "RESIZE_BILINEAR": _with("RESIZE_BILINEAR", ints(3, 4), output=(1, 3, 4, 4)),
}
"""Operator → element type → model."""
