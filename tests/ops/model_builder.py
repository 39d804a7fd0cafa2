"""Builds .tflite models in memory: any builtin options, custom operators, several subgraphs.

    x = tensor((1, 8, 8, 3), "int8", 0.05, 3)
    w = constant(weights, scale=scales)  # per channel: one scale an output channel, axis 0
    y = tensor((1, 6, 6, 4), "int8", 0.1, -5)
    model = build([operator("CONV_2D", [x, w], [y], padding="VALID", stride_w=1, stride_h=1)], [x], [y])

Tensors are told apart by identity; all that a subgraph mentions become its tensors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import flatbuffers
import numpy as np
from numpy.typing import ArrayLike, NDArray

import tflite


@dataclass(frozen=True, eq=False)
class TensorSpec:
    """A tensor of the model; `data` makes it a constant."""

    shape: tuple[int, ...]
    dtype: str
    scales: tuple[float, ...] = ()
    zero_points: tuple[int, ...] = ()
    axis: int = 0
    data: NDArray[Any] | None = None
    is_variable: bool = False
    name: str = ""


@dataclass(frozen=True, eq=False)
class OperatorSpec:
    """An operator; None among the inputs is an optional tensor that is left out."""

    name: str
    inputs: tuple[TensorSpec | None, ...]
    outputs: tuple[TensorSpec, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    version: int = 1
    intermediates: tuple[TensorSpec | None, ...] = ()
    custom_options: bytes | None = None


@dataclass(frozen=True, eq=False)
class SubgraphSpec:
    """Operators in execution order, with what goes in and out."""

    operators: tuple[OperatorSpec, ...]
    inputs: tuple[TensorSpec, ...] = ()
    outputs: tuple[TensorSpec, ...] = ()


def tensor(
    shape: Sequence[int],
    dtype: str = "int8",
    scale: float | ArrayLike | None = None,
    zero_point: int | ArrayLike = 0,
    *,
    axis: int = 0,
    data: NDArray[Any] | None = None,
    is_variable: bool = False,
    name: str = "",
) -> TensorSpec:
    """A tensor; without `scale` it is not quantised."""
    scales = () if scale is None else tuple(float(s) for s in np.atleast_1d(scale))
    zero_points = np.resize(np.atleast_1d(zero_point), len(scales))
    return TensorSpec(
        tuple(int(d) for d in shape),
        dtype,
        scales,
        tuple(int(z) for z in zero_points),
        axis,
        data,
        is_variable,
        name,
    )


def constant(
    data: NDArray[Any],
    scale: float | ArrayLike | None = None,
    zero_point: int | ArrayLike = 0,
    *,
    axis: int = 0,
    name: str = "",
) -> TensorSpec:
    """A constant tensor of the array's shape and dtype."""
    return tensor(data.shape, str(data.dtype), scale, zero_point, axis=axis, data=data, name=name)


def operator(
    name: str,
    inputs: Sequence[TensorSpec | None],
    outputs: Sequence[TensorSpec],
    *,
    version: int = 1,
    intermediates: Sequence[TensorSpec | None] = (),
    custom_options: bytes | None = None,
    options: Mapping[str, Any] | None = None,
    **more_options: Any,
) -> OperatorSpec:
    """An operator with its builtin options, as a mapping or as keywords: snake_case, enums by name.

    `custom_options` makes it a custom operator.
    """
    return OperatorSpec(
        name,
        tuple(inputs),
        tuple(outputs),
        {**(options or {}), **more_options},
        version,
        tuple(intermediates),
        custom_options,
    )


def build(
    operators: Sequence[OperatorSpec],
    inputs: Sequence[TensorSpec],
    outputs: Sequence[TensorSpec],
    *,
    bodies: Sequence[SubgraphSpec] = (),
) -> bytes:
    """The model as .tflite bytes; `bodies` become subgraphs 1, 2, … ."""
    return _Writer().model([SubgraphSpec(tuple(operators), tuple(inputs), tuple(outputs)), *bodies])


_OPTIONS = {
    "AVERAGE_POOL_2D": "Pool2DOptions",
    "MAX_POOL_2D": "Pool2DOptions",
    "L2_POOL_2D": "Pool2DOptions",
    "MEAN": "ReducerOptions",
    "SUM": "ReducerOptions",
    "REDUCE_MAX": "ReducerOptions",
    "REDUCE_MIN": "ReducerOptions",
    "REDUCE_ALL": "ReducerOptions",
    "L2_NORMALIZATION": "L2NormOptions",
    "MAXIMUM": "MaximumMinimumOptions",
    "MINIMUM": "MaximumMinimumOptions",
}
"""Options tables that are not named like their operator."""

_TABLES = {
    name.removesuffix("Options").lower(): name for name in vars(tflite.BuiltinOptions) if name.endswith("Options")
}
_ENUMS = {
    "fused_activation_function": tflite.ActivationFunctionType,
    "padding": tflite.Padding,
    "mode": tflite.MirrorPadMode,
    "in_data_type": tflite.TensorType,
    "out_data_type": tflite.TensorType,
    "output_type": tflite.TensorType,
    "out_type": tflite.TensorType,
}
"""Fields whose values may be given by enum name."""


def _options_table(name: str) -> str | None:
    return _OPTIONS.get(name) or _TABLES.get(name.replace("_", "").lower())


def _camel(name: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def _enum(key: str, value: str) -> int:
    code: int = getattr(_ENUMS[key], value.upper())
    return code


class _Writer:
    """State of one build: the FlatBuffer, and the buffers and operator codes seen so far."""

    def __init__(self) -> None:
        self.builder = flatbuffers.Builder(1024)
        self.buffers: list[bytes] = [b""]
        self.codes: list[tuple[str, int, bool]] = []

    def model(self, subgraphs: Sequence[SubgraphSpec]) -> bytes:
        b = self.builder
        subgraph_vector = self._vector([self._subgraph(subgraph) for subgraph in subgraphs])
        code_vector = self._vector([self._code(*code) for code in self.codes])
        buffer_vector = self._vector([self._buffer(content) for content in self.buffers])
        tflite.ModelStart(b)
        tflite.ModelAddVersion(b, 3)
        tflite.ModelAddOperatorCodes(b, code_vector)
        tflite.ModelAddSubgraphs(b, subgraph_vector)
        tflite.ModelAddBuffers(b, buffer_vector)
        b.Finish(tflite.ModelEnd(b), file_identifier=b"TFL3")
        return bytes(b.Output())

    def _vector(self, offsets: Sequence[int]) -> int:
        self.builder.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            self.builder.PrependUOffsetTRelative(offset)
        return int(self.builder.EndVector())

    def _integers(self, values: Sequence[int]) -> int:
        return int(self.builder.CreateNumpyVector(np.asarray(values, np.int32)))

    def _buffer(self, content: bytes) -> int:
        b = self.builder
        data = None
        if content:
            # Constants start at a multiple of 16 bytes, as the converter writes them.
            b.StartVector(1, len(content), 16)
            b.head -= len(content)
            b.Bytes[b.head : b.head + len(content)] = content
            data = b.EndVector()
        tflite.BufferStart(b)
        if data is not None:
            tflite.BufferAddData(b, data)
        return int(tflite.BufferEnd(b))

    def _code(self, name: str, version: int, is_custom: bool) -> int:
        b = self.builder
        custom = b.CreateString(name) if is_custom else None
        code = tflite.BuiltinOperator.CUSTOM if is_custom else getattr(tflite.BuiltinOperator, name)
        tflite.OperatorCodeStart(b)
        tflite.OperatorCodeAddDeprecatedBuiltinCode(b, min(code, 127))
        if custom is not None:
            tflite.OperatorCodeAddCustomCode(b, custom)
        tflite.OperatorCodeAddVersion(b, version)
        tflite.OperatorCodeAddBuiltinCode(b, code)
        return int(tflite.OperatorCodeEnd(b))

    def _subgraph(self, spec: SubgraphSpec) -> int:
        b = self.builder
        numbers: dict[TensorSpec | None, int] = {None: -1}
        mentioned = [*spec.inputs, *spec.outputs]
        for op in spec.operators:
            mentioned += [t for t in (*op.inputs, *op.outputs, *op.intermediates) if t is not None]
        for t in mentioned:
            numbers.setdefault(t, len(numbers) - 1)
        tensors = self._vector([self._tensor(t, number) for t, number in numbers.items() if t is not None])
        operators = self._vector([self._operator(op, numbers) for op in spec.operators])
        inputs = self._integers([numbers[t] for t in spec.inputs])
        outputs = self._integers([numbers[t] for t in spec.outputs])
        tflite.SubGraphStart(b)
        tflite.SubGraphAddTensors(b, tensors)
        tflite.SubGraphAddInputs(b, inputs)
        tflite.SubGraphAddOutputs(b, outputs)
        tflite.SubGraphAddOperators(b, operators)
        return int(tflite.SubGraphEnd(b))

    def _tensor(self, spec: TensorSpec, number: int) -> int:
        b = self.builder
        buffer = 0
        if spec.data is not None:
            buffer = len(self.buffers)
            self.buffers.append(np.ascontiguousarray(spec.data).tobytes())
        shape = self._integers(spec.shape)
        name = b.CreateString(spec.name or f"t{number}")
        quantisation = None
        if spec.scales:
            scales = b.CreateNumpyVector(np.asarray(spec.scales, np.float32))
            zero_points = b.CreateNumpyVector(np.asarray(spec.zero_points, np.int64))
            tflite.QuantizationParametersStart(b)
            tflite.QuantizationParametersAddScale(b, scales)
            tflite.QuantizationParametersAddZeroPoint(b, zero_points)
            tflite.QuantizationParametersAddQuantizedDimension(b, spec.axis)
            quantisation = tflite.QuantizationParametersEnd(b)
        tflite.TensorStart(b)
        tflite.TensorAddShape(b, shape)
        tflite.TensorAddType(b, getattr(tflite.TensorType, spec.dtype.upper()))
        tflite.TensorAddBuffer(b, buffer)
        tflite.TensorAddName(b, name)
        if quantisation is not None:
            tflite.TensorAddQuantization(b, quantisation)
        tflite.TensorAddIsVariable(b, spec.is_variable)
        return int(tflite.TensorEnd(b))

    def _operator(self, spec: OperatorSpec, numbers: Mapping[TensorSpec | None, int]) -> int:
        b = self.builder
        code = (spec.name, spec.version, spec.custom_options is not None)
        if code not in self.codes:
            self.codes.append(code)
        inputs = self._integers([numbers[t] for t in spec.inputs])
        outputs = self._integers([numbers[t] for t in spec.outputs])
        intermediates = self._integers([numbers[t] for t in spec.intermediates]) if spec.intermediates else None
        custom = b.CreateByteVector(spec.custom_options) if spec.custom_options else None
        table = None if spec.custom_options is not None else _options_table(spec.name)
        options = self._options(table, spec.options) if table else None
        tflite.OperatorStart(b)
        tflite.OperatorAddOpcodeIndex(b, self.codes.index(code))
        tflite.OperatorAddInputs(b, inputs)
        tflite.OperatorAddOutputs(b, outputs)
        if options is not None:
            tflite.OperatorAddBuiltinOptionsType(b, getattr(tflite.BuiltinOptions, str(table)))
            tflite.OperatorAddBuiltinOptions(b, options)
        if custom is not None:
            tflite.OperatorAddCustomOptions(b, custom)
        if intermediates is not None:
            tflite.OperatorAddIntermediates(b, intermediates)
        return int(tflite.OperatorEnd(b))

    def _options(self, table: str, values: Mapping[str, Any]) -> int:
        b = self.builder
        prepared: dict[str, Any] = {}
        for key, value in values.items():
            if isinstance(value, str):
                prepared[key] = _enum(key, value) if key in _ENUMS else b.CreateString(value)
            elif isinstance(value, (list, tuple, np.ndarray)):
                prepared[key] = self._integers([int(item) for item in value])
            else:
                prepared[key] = value
        getattr(tflite, f"{table}Start")(b)
        for key, value in prepared.items():
            getattr(tflite, f"{table}Add{_camel(key)}")(b, value)
        return int(getattr(tflite, f"{table}End")(b))
