"""Operators of models that contradict themselves: refused in one sentence, or run without touching foreign memory."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from fieldwren.core import PORTABLE, Core
from fieldwren.errors import FieldwrenError
from fieldwren.ops.lowering import lower
from fieldwren.plan import plan
from fieldwren.tflite import read_bytes
from ops.executor import guarded_plan
from ops.harness import cases, executor, sampled_steps, seeds
from ops.model_builder import OperatorSpec, TensorSpec, build, constant, operator, tensor
from ops.test_signal_spectrum import custom

MAX_ARENA_BYTES = 1 << 22
CORES = {"portable": PORTABLE, "dsp": Core("dsp", dsp=True)}


def q(shape: tuple[int, ...], dtype: str = "int8", scale: float = 0.1, zero_point: int = 0) -> TensorSpec:
    return tensor(shape, dtype, scale, zero_point)


def weights(*shape: int, axis: int = 0, dtype: str = "int8") -> TensorSpec:
    values = np.arange(np.prod(shape)) % 200 - 100
    return constant(values.astype(dtype).reshape(shape), np.full(shape[axis], 0.01), axis=axis)


def ints(*values: int) -> TensorSpec:
    return constant(np.array(values, np.int32))


def window(**more: int) -> dict[str, Any]:
    return {"stride_h": 1, "stride_w": 1, "padding": 0, **more}


def bias(channels: int) -> TensorSpec:
    return constant(np.arange(channels, dtype=np.int32) * 1000, np.full(channels, 0.001))


MODELS: dict[str, Callable[[], OperatorSpec]] = {
    "conv": lambda: operator(
        "CONV_2D", [q((1, 6, 5, 4)), weights(8, 3, 3, 4), bias(8)], [q((1, 6, 5, 8))], options=window()
    ),
    "pointwise": lambda: operator(
        "CONV_2D", [q((2, 4, 4, 8)), weights(4, 1, 1, 8), bias(4)], [q((2, 4, 4, 4))], options=window()
    ),
    "depthwise": lambda: operator(
        "DEPTHWISE_CONV_2D",
        [q((1, 6, 6, 4)), weights(1, 3, 3, 4, axis=3), bias(4)],
        [q((1, 6, 6, 4))],
        options=window(depth_multiplier=1),
    ),
    "multiplied": lambda: operator(
        "DEPTHWISE_CONV_2D",
        [q((1, 6, 6, 1)), weights(1, 3, 3, 4, axis=3), bias(4)],
        [q((1, 6, 6, 4))],
        options=window(depth_multiplier=4),
    ),
    "fully connected": lambda: operator("FULLY_CONNECTED", [q((2, 9)), weights(5, 9), bias(5)], [q((2, 5))]),
    "average pool": lambda: operator(
        "AVERAGE_POOL_2D", [q((1, 6, 6, 3))], [q((1, 6, 6, 3))], options=window(filter_height=3, filter_width=2)
    ),
    "max pool": lambda: operator(
        "MAX_POOL_2D", [q((1, 6, 6, 3))], [q((1, 6, 6, 3))], options=window(filter_height=3, filter_width=2)
    ),
    "mean": lambda: operator("MEAN", [q((1, 4, 5, 3)), ints(1, 2)], [q((1, 3))]),
    "reduce max": lambda: operator("REDUCE_MAX", [q((1, 4, 5, 3)), ints(1)], [q((1, 5, 3))]),
    "add": lambda: operator("ADD", [q((2, 3, 4)), q((1, 3, 1))], [q((2, 3, 4))]),
    "mul": lambda: operator("MUL", [q((2, 3, 4)), q((4,))], [q((2, 3, 4), scale=0.5)]),
    "pad": lambda: operator("PAD", [q((2, 3)), ints(0, 1, 2, 3)], [q((3, 8))]),
    "concatenation": lambda: operator("CONCATENATION", [q((2, 3)), q((2, 4))], [q((2, 7))], axis=1),
    "softmax": lambda: operator("SOFTMAX", [q((2, 10))], [q((2, 10), scale=1 / 256, zero_point=-128)], beta=1.0),
    "logistic": lambda: operator("LOGISTIC", [q((2, 10))], [q((2, 10), scale=1 / 256, zero_point=-128)]),
    "relu": lambda: operator("RELU", [q((2, 10))], [q((2, 10), scale=0.2)]),
    "quantize": lambda: operator("QUANTIZE", [q((2, 10))], [q((2, 10), "int16", 0.2)]),
    "dequantize": lambda: operator("DEQUANTIZE", [q((2, 10))], [tensor((2, 10), "float32")]),
    "reshape": lambda: operator("RESHAPE", [q((2, 10)), ints(4, 5)], [q((4, 5))]),
    "transposed": lambda: operator(
        "TRANSPOSE_CONV",
        [ints(1, 6, 6, 4), weights(4, 3, 3, 2), q((1, 3, 3, 2)), bias(4)],
        [q((1, 6, 6, 4))],
        options={"stride_h": 2, "stride_w": 2, "padding": 0},
    ),
    "matmul": lambda: operator("BATCH_MATMUL", [q((2, 3, 4)), q((1, 4, 5))], [q((2, 3, 5))]),
    "arg max": lambda: operator("ARG_MAX", [q((2, 3, 4)), ints(1)], [tensor((2, 4), "int32")]),
    "cumsum": lambda: operator("CUMSUM", [q((2, 3, 4)), ints(1)], [q((2, 3, 4))]),
    "add n": lambda: operator("ADD_N", [q((2, 3)), q((2, 3)), q((2, 3))], [q((2, 3), scale=0.5)]),
    "l2 pool": lambda: operator(
        "L2_POOL_2D",
        [tensor((1, 6, 6, 3), "float32")],
        [tensor((1, 6, 6, 3), "float32")],
        options=window(filter_height=3, filter_width=2),
    ),
    "reduce all": lambda: operator("REDUCE_ALL", [tensor((2, 3, 4), "bool"), ints(1)], [tensor((2, 4), "bool")]),
    "rsqrt": lambda: operator("RSQRT", [q((2, 10), "int16")], [q((2, 10), "int16")]),
    "detections": lambda: custom(
        "TFLite_Detection_PostProcess",
        [tensor((1, 6, 4), "float32"), tensor((1, 6, 3), "float32"), constant(np.full((6, 4), 0.5, np.float32))],
        [tensor(shape, "float32") for shape in ((1, 4, 4), (1, 4), (1, 4), (1,))],
        max_detections=4,
        max_classes_per_detection=1,
        nms_score_threshold=0.3,
        nms_iou_threshold=0.5,
        num_classes=2,
        y_scale=10.0,
        x_scale=10.0,
        h_scale=5.0,
        w_scale=5.0,
    ),
    "circular buffer": lambda: custom(
        "CIRCULAR_BUFFER",
        [q((1, 1, 2, 3))],
        [tensor((1, 4, 2, 3), "int8", 0.1, is_variable=True)],
        cycles_max=2,
    ),
}

sizes = st.sampled_from([0, 1, 2, 3, 5, 7, 64, 1 << 16, (1 << 31) - 1])
numbers = st.sampled_from([-(1 << 31), -1, 0, 1, 2, 3, 1 << 20, (1 << 31) - 1])
scales = st.sampled_from([0.0, 1e-45, 1e-12, 0.1, 1.0, 1e12, 3e38, float("inf"), float("nan"), -1.0])
dtypes = st.sampled_from(["int8", "int16", "int32", "float32", "uint8", "bool", "int64"])


@st.composite
def altered(draw: st.DrawFn, original: TensorSpec) -> TensorSpec:
    """The tensor with one property that is not what the operator needs."""
    kind = draw(st.sampled_from(["dimension", "rank", "dtype", "scale", "scales", "zero point", "data"]))
    if kind == "dimension" and original.shape:
        shape = list(original.shape)
        shape[draw(st.integers(0, len(shape) - 1))] = draw(sizes)
        return with_shape(original, shape)
    if kind == "rank":
        return with_shape(original, draw(st.sampled_from([[], [1, *original.shape], [*original.shape[1:]]])))
    if kind == "dtype":
        dtype = draw(dtypes)
        data = None if original.data is None else original.data.astype(dtype)
        return dataclasses.replace(original, dtype=dtype, data=data)
    if kind == "scale":
        return dataclasses.replace(original, scales=tuple(draw(scales) for _ in original.scales))
    if kind == "scales":
        count = draw(st.integers(0, 3))
        return dataclasses.replace(original, scales=(0.1,) * count, zero_points=(0,) * count)
    if kind == "zero point":
        return dataclasses.replace(original, zero_points=tuple(draw(numbers) for _ in original.zero_points))
    if original.data is not None and original.dtype == "int32":
        return dataclasses.replace(original, data=np.full(original.shape, draw(numbers), np.int32))
    return dataclasses.replace(original, data=None)


def with_shape(original: TensorSpec, shape: list[int]) -> TensorSpec:
    elements = int(np.prod([min(n, 1 << 20) for n in shape], dtype=float))
    if original.data is None or elements > 1 << 16:
        return dataclasses.replace(original, shape=tuple(shape))
    return dataclasses.replace(original, shape=tuple(shape), data=np.resize(original.data, shape))


def run(model: bytes, inputs_seed: int, core: Core) -> bool:
    """True when the model was accepted; it has run on sampled inputs then, sanitised and between red zones."""
    try:
        program = lower(read_bytes(model, "model"), core)
    except FieldwrenError as error:
        assert "\n" not in str(error)
        return False
    planned, zones = guarded_plan(program)
    if max(planned.arena_bytes, planned.const_bytes) > MAX_ARENA_BYTES:
        return False
    executor().open(planned, zones)
    for step in sampled_steps(program, inputs_seed, 2):
        executor().invoke(step)
    plan(program)
    return True


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("name", MODELS)
@cases(40, data=st.data(), seed=seeds)
def test_contradictions(*, name: str, core: str, data: st.DataObject, seed: int) -> None:
    spec = MODELS[name]()
    for _ in range(data.draw(st.integers(1, 2))):
        spec = data.draw(altered_operator(spec))
    fed = [t for t in spec.inputs if t is not None and t.data is None]
    run(build([spec], fed, spec.outputs), seed, CORES[core])


@st.composite
def altered_operator(draw: st.DrawFn, spec: OperatorSpec) -> OperatorSpec:
    """The operator with one tensor or one option altered."""
    places = [("input", i) for i in range(len(spec.inputs))] + [("output", i) for i in range(len(spec.outputs))]
    kind, where = draw(st.sampled_from([*places, *(("option", key) for key in spec.options)]))
    if kind == "option":
        value = float(draw(scales)) if where == "beta" else draw(numbers if where != "padding" else st.integers(-1, 3))
        return dataclasses.replace(spec, options={**spec.options, where: value})
    tensors = list(spec.inputs if kind == "input" else spec.outputs)
    original = tensors[where]
    if original is not None:
        tensors[where] = draw(altered(original))
    return dataclasses.replace(spec, **{f"{kind}s": tuple(tensors)})


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("name", MODELS)
def test_the_unaltered_models_run(name: str, core: str) -> None:
    spec = MODELS[name]()
    fed = [t for t in spec.inputs if t is not None and t.data is None]
    assert run(build([spec], fed, spec.outputs), 1, CORES[core])
