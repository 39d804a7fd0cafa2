"""Operators and tensors of two subgraphs (a step, and what sets its states) as the bytes of a .tflite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Quantisation:
    """real = scale · (value − zero_point); several scales go along `axis`."""

    scales: float | tuple[float, ...]
    zero_point: int
    axis: int = 0

    @property
    def scale(self) -> float:
        """The only scale."""
        assert isinstance(self.scales, float)
        return self.scales


@dataclass(frozen=True, eq=False)
class Tensor:
    """An activation; `data` makes it a named constant."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    quantisation: Quantisation | None = None
    data: npt.NDArray[Any] | None = None


@dataclass(frozen=True, eq=False)
class Constant:
    """Constant data without a name of their own."""

    data: npt.NDArray[Any]
    quantisation: Quantisation | None = None


_OPTIONS = {
    "CALL_ONCE": "CallOnceOptions",
    "VAR_HANDLE": "VarHandleOptions",
    "READ_VARIABLE": "ReadVariableOptions",
    "ASSIGN_VARIABLE": "AssignVariableOptions",
    "FULLY_CONNECTED": "FullyConnectedOptions",
    "CONV_2D": "Conv2DOptions",
    "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptions",
    "CONCATENATION": "ConcatenationOptions",
    "SLICE": "SliceOptions",
    "PAD": "PadOptions",
    "RESHAPE": "ReshapeOptions",
    "SUM": "ReducerOptions",
    "SOFTMAX": "SoftmaxOptions",
    "QUANTIZE": "QuantizeOptions",
    "ADD": "AddOptions",
    "SUB": "SubOptions",
    "MUL": "MulOptions",
}
"""The options table of each operator; LOGISTIC and TANH have none."""

_TYPES = {"int8": "INT8", "int16": "INT16", "int32": "INT32", "resource": "RESOURCE"}


class Writer:
    """Collects operators in execution order; `initial` ones belong to the subgraph that runs once."""

    def __init__(self) -> None:
        from tensorflow.lite.python import schema_py_generated as schema

        self._schema: Any = schema
        self._model = schema.ModelT()
        self._model.version = 3
        self._model.description = "fieldwren"
        self._model.operatorCodes = []
        self._model.buffers = [schema.BufferT()]
        self._model.metadata = []
        self._codes: dict[str, int] = {}
        self._bodies = [self._body(), self._body()]
        self._numbers: list[dict[int, int]] = [{}, {}]
        self._kept: list[Tensor | Constant] = []  # identities must not be used again while the writer lives

    def _body(self) -> Any:
        body = self._schema.SubGraphT()
        body.tensors, body.operators, body.inputs, body.outputs = [], [], [], []
        return body

    def handle(self, name: str, *, initial: bool = False) -> Tensor:
        """Stands for the variable `name`."""
        made = Tensor(f"{name}_handle", (1,), "resource")
        self.add("VAR_HANDLE", [], [made], {"container": "", "sharedName": name}, initial=initial)
        return made

    def constant(self, name: str, data: npt.NDArray[Any], quantisation: Quantisation) -> Tensor:
        """A constant that operators can share."""
        return Tensor(name, data.shape, str(data.dtype), quantisation, data)

    def add(
        self,
        name: str,
        inputs: Sequence[Tensor | Constant],
        outputs: Sequence[Tensor],
        options: Mapping[str, Any] | None = None,
        *,
        initial: bool = False,
    ) -> None:
        """Appends an operator with the fields of its options table."""
        schema, which = self._schema, int(initial)
        made = schema.OperatorT()
        made.opcodeIndex = self._code(name)
        made.inputs = [self._number(tensor, which) for tensor in inputs]
        made.outputs = [self._number(tensor, which) for tensor in outputs]
        if name in _OPTIONS:
            table = _OPTIONS[name]
            made.builtinOptionsType = getattr(schema.BuiltinOptions, table)
            made.builtinOptions = getattr(schema, f"{table}T")()
            for field, value in (options or {}).items():
                setattr(made.builtinOptions, field, value)
        self._bodies[which].operators.append(made)

    def content(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> bytes:
        """The file; a second subgraph only where something was set."""
        main, initial = self._bodies
        main.inputs = [self._number(tensor, 0) for tensor in inputs]
        main.outputs = [self._number(tensor, 0) for tensor in outputs]
        main.name = b"main"
        initial.name = b"initial"
        self._model.subgraphs = [main, initial] if initial.operators else [main]
        builder = flatbuffers.Builder(1 << 16)
        builder.Finish(self._model.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    def _code(self, name: str) -> int:
        if name not in self._codes:
            code = self._schema.OperatorCodeT()
            number = getattr(self._schema.BuiltinOperator, name)
            code.builtinCode, code.deprecatedBuiltinCode, code.version = number, min(number, 127), 1
            self._codes[name] = len(self._model.operatorCodes)
            self._model.operatorCodes.append(code)
        return self._codes[name]

    def _number(self, tensor: Tensor | Constant, which: int) -> int:
        numbers = self._numbers[which]
        if id(tensor) not in numbers:
            self._kept.append(tensor)
            numbers[id(tensor)] = len(self._bodies[which].tensors)
            self._bodies[which].tensors.append(self._written(tensor, len(numbers) - 1))
        return numbers[id(tensor)]

    def _written(self, tensor: Tensor | Constant, number: int) -> Any:
        schema = self._schema
        made = schema.TensorT()
        dtype = str(tensor.data.dtype) if isinstance(tensor, Constant) else tensor.dtype
        made.name = (tensor.name if isinstance(tensor, Tensor) else f"constant_{number}").encode()
        made.type = getattr(schema.TensorType, _TYPES[dtype])
        made.shape = list(tensor.data.shape if isinstance(tensor, Constant) else tensor.shape)
        made.buffer = 0
        if tensor.data is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(tensor.data).tobytes(), np.uint8)
            made.buffer = len(self._model.buffers)
            self._model.buffers.append(buffer)
        if tensor.quantisation is not None:
            scales = np.atleast_1d(tensor.quantisation.scales)
            made.quantization = schema.QuantizationParametersT()
            made.quantization.scale = scales.astype(np.float32)
            made.quantization.zeroPoint = np.full(len(scales), tensor.quantisation.zero_point, np.int64)
            made.quantization.quantizedDimension = tensor.quantisation.axis
        return made
