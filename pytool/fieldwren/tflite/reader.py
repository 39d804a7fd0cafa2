"""Reads any .tflite file into a Graph; bytes that are not a sound model end in one BadInputError."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import tflite
from fieldwren.errors import BadInputError, FieldwrenError, UnsupportedError
from fieldwren.graph import DTYPES, Graph, Operator, Quantisation, Subgraph, Tensor
from fieldwren.tflite.options import OPERATOR_NAMES, TENSOR_TYPE_NAMES, decode

_FILE_IDENTIFIER = b"TFL3"
_SCHEMA_VERSION = 3
_MAX_ELEMENTS = 1 << 31
_MALFORMED = (struct.error, IndexError, ValueError, TypeError, OverflowError, KeyError, AttributeError, MemoryError)
"""What the FlatBuffers accessors raise on offsets, sizes and enums that make no sense."""


def read_model(path: str | Path) -> Graph:
    """Reads the file `path`. Raises BadInputError naming the file when it is absent or not a sound .tflite."""
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadInputError(f"{path}: cannot read the model: {error.strerror or error}") from error
    return read_bytes(content, path.stem, where=str(path))


def read_bytes(content: bytes, name: str, *, where: str | None = None) -> Graph:
    """Reads a model from memory; `name` becomes the model's name, `where` is what errors call the file."""
    where = where or name
    if len(content) < 8 or content[4:8] != _FILE_IDENTIFIER:
        raise BadInputError(
            f"{where}: not a .tflite model (the file identifier TFL3 is missing at byte 4): give a file written by "
            "TensorFlow Lite's converter"
        )
    try:
        return _Reader(content, where).graph(name)
    except FieldwrenError:
        raise
    except _MALFORMED as error:
        raise BadInputError(
            f"{where}: the .tflite file is damaged ({type(error).__name__} while reading its tables): copy or convert it again"
        ) from error


def _builtin_code(opcode: Any) -> int:
    """The larger of the two fields: old files hold the code in one byte only, newer ones mirror it there as far as it fits.

    Read from the table itself, because `OperatorCode.BuiltinCode()` of the tflite package takes the one-byte field for the
    code whenever it is below 127, and files exist that leave it out.
    """
    table = opcode._tab
    slot = table.Offset(10)
    stored = struct.unpack_from("<i", table.Bytes, table.Pos + slot)[0] if slot else 0
    return max(int(stored), int(opcode.DeprecatedBuiltinCode()))


class _Reader:
    """State of one read: the file's bytes and the tables that tensors and operators refer to."""

    def __init__(self, content: bytes, where: str) -> None:
        self.content = content
        self.where = where
        self.model = tflite.Model.GetRootAs(content, 0)

    def _damaged(self, what: str) -> BadInputError:
        return BadInputError(f"{self.where}: the .tflite file is damaged: {what}: copy or convert it again")

    def _count(self, n: int, what: str, item_bytes: int = 4) -> int:
        """A vector's length, refused when the file is too short to hold that many items."""
        if not 0 <= n <= len(self.content) // item_bytes:
            raise self._damaged(f"{n} {what} in a file of {len(self.content)} bytes")
        return n

    def _text(self, raw: bytes | None) -> str:
        return (raw or b"").decode("utf-8", "replace")

    def graph(self, name: str) -> Graph:
        model = self.model
        if model.Version() != _SCHEMA_VERSION:
            raise BadInputError(
                f"{self.where}: schema version {model.Version()} is not supported (version {_SCHEMA_VERSION} is): convert the model again"
            )
        opcodes = [model.OperatorCodes(i) for i in range(self._count(model.OperatorCodesLength(), "operator codes"))]
        count = self._count(model.SubgraphsLength(), "subgraphs")
        if count == 0:
            raise self._damaged("it holds no subgraph")
        return Graph(
            name=name,
            sha256=hashlib.sha256(self.content).hexdigest(),
            subgraphs=tuple(self._subgraph(model.Subgraphs(i), opcodes) for i in range(count)),
            metadata=self._metadata(),
            description=self._text(model.Description()),
            file_bytes=len(self.content),
        )

    def _metadata(self) -> dict[str, bytes]:
        found = {}
        for i in range(self._count(self.model.MetadataLength(), "metadata entries")):
            entry = self.model.Metadata(i)
            found[self._text(entry.Name())] = self._buffer(entry.Buffer()).tobytes()
        return found

    def _buffer(self, index: int) -> NDArray[np.uint8]:
        """The bytes of buffer `index`, from its own vector or (large models) from behind the FlatBuffer."""
        if not 0 <= index < self._count(self.model.BuffersLength(), "buffers"):
            raise self._damaged(f"buffer {index} does not exist")
        buffer = self.model.Buffers(index)
        if buffer.Offset() > 1:
            start, size = buffer.Offset(), buffer.Size()
            if start + size > len(self.content):
                raise self._damaged(f"buffer {index} ends behind the file")
            return np.frombuffer(self.content, np.uint8, size, start)
        if buffer.DataLength() == 0:
            return np.zeros(0, np.uint8)
        data: NDArray[np.uint8] = buffer.DataAsNumpy()
        return data

    def _subgraph(self, table: Any, opcodes: list[Any]) -> Subgraph:
        tensors = tuple(self._tensor(i, table.Tensors(i)) for i in range(self._count(table.TensorsLength(), "tensors")))
        operators = tuple(
            self._operator(i, table.Operators(i), opcodes, len(tensors))
            for i in range(self._count(table.OperatorsLength(), "operators"))
        )
        return Subgraph(
            name=self._text(table.Name()),
            tensors=tensors,
            operators=operators,
            inputs=self._indices(table, "Inputs", len(tensors)),
            outputs=self._indices(table, "Outputs", len(tensors)),
        )

    def _indices(self, table: Any, field: str, tensor_count: int, *, absent: bool = False) -> tuple[int, ...]:
        """A vector of tensor indices; -1 (an absent optional tensor) only where `absent` allows it."""
        if self._count(getattr(table, field + "Length")(), field.lower()) == 0:
            return ()
        indices = tuple(int(i) for i in getattr(table, field + "AsNumpy")())
        for i in indices:
            if not (0 <= i < tensor_count or (absent and i == -1)):
                raise self._damaged(f"tensor {i} of {tensor_count} is used as one of the {field.lower()}")
        return indices

    def _tensor(self, index: int, table: Any) -> Tensor:
        name = self._text(table.Name()) or f"tensor{index}"
        dtype = TENSOR_TYPE_NAMES.get(table.Type(), f"type{table.Type()}")
        rank = self._count(table.ShapeLength(), f"dimensions of tensor {name!r}")
        shape = tuple(int(d) for d in table.ShapeAsNumpy()) if rank else ()
        if any(d < 0 for d in shape):
            raise UnsupportedError(
                f"{self.where}: tensor {name!r} has the dynamic shape {list(shape)}: convert the model with fixed shapes"
            )
        # Multiplied as Python integers: hostile dimensions overflow int64.
        elements = 1
        for d in shape:
            elements *= d
        if elements > _MAX_ELEMENTS:
            raise self._damaged(f"tensor {name!r} has {elements} elements")
        if table.Sparsity() is not None:
            raise UnsupportedError(
                f"{self.where}: tensor {name!r} is stored sparse: convert the model with dense weights"
            )
        data = self._constant(table.Buffer(), name, dtype, shape, elements)
        return Tensor(
            index=index,
            name=name,
            shape=shape,
            # Constants of four bits are widened here: every kernel that takes them works on int8.
            dtype="int8" if dtype == "int4" and data is not None else dtype,
            quantisation=self._quantisation(table.Quantization(), name),
            data=data,
            is_variable=bool(table.IsVariable()),
        )

    def _constant(
        self, buffer: int, name: str, dtype: str, shape: tuple[int, ...], elements: int
    ) -> NDArray[Any] | None:
        raw = self._buffer(buffer) if buffer else np.zeros(0, np.uint8)
        if raw.size == 0:
            return None
        if dtype == "int4":
            return self._nibbles(raw, name, shape, elements)
        if dtype not in DTYPES:
            return np.frombuffer(raw.tobytes(), np.uint8)
        wanted = elements * DTYPES[dtype].itemsize
        if raw.size < wanted:
            raise self._damaged(f"tensor {name!r} needs {wanted} bytes of data and has {raw.size}")
        return np.frombuffer(raw.tobytes()[:wanted], DTYPES[dtype]).reshape(shape)

    def _nibbles(self, raw: NDArray[np.uint8], name: str, shape: tuple[int, ...], elements: int) -> NDArray[np.int8]:
        """Two's complement values of four bits, the first of each pair in the low half of its byte, as int8."""
        wanted = (elements + 1) // 2
        if raw.size < wanted:
            raise self._damaged(f"tensor {name!r} needs {wanted} bytes of data and has {raw.size}")
        halves = np.stack([raw[:wanted] & 15, raw[:wanted] >> 4], axis=1).reshape(-1)[:elements]
        values: NDArray[np.int8] = ((halves.astype(np.int8) ^ 8) - 8).astype(np.int8)
        return values.reshape(shape)

    def _quantisation(self, table: Any, name: str) -> Quantisation | None:
        if table is None or self._count(table.ScaleLength(), "scales") == 0:
            return None
        scales = np.array(table.ScaleAsNumpy(), np.float32)
        zero_points = np.zeros(scales.size, np.int64)
        if self._count(table.ZeroPointLength(), "zero points", 8):
            stored = np.array(table.ZeroPointAsNumpy(), np.int64)
            zero_points = np.resize(stored, scales.size)
        if not np.all(np.isfinite(scales)) or np.any(scales < 0):
            raise self._damaged(f"tensor {name!r} has a scale that is negative or not finite")
        # The axis is not checked here: real files hold biases with an axis that their rank does not have.
        return Quantisation(scales, zero_points, int(table.QuantizedDimension()))

    def _operator(self, index: int, table: Any, opcodes: list[Any], tensor_count: int) -> Operator:
        which = table.OpcodeIndex()
        if not 0 <= which < len(opcodes):
            raise self._damaged(f"operator {index} has code {which} of {len(opcodes)}")
        opcode = opcodes[which]
        code = _builtin_code(opcode)
        is_custom = code == tflite.BuiltinOperator.CUSTOM
        return Operator(
            index=index,
            name=self._text(opcode.CustomCode()) if is_custom else OPERATOR_NAMES.get(code, f"BUILTIN_{code}"),
            version=opcode.Version(),
            inputs=self._indices(table, "Inputs", tensor_count, absent=True),
            outputs=self._indices(table, "Outputs", tensor_count),
            options={} if is_custom else decode(table.BuiltinOptionsType(), table.BuiltinOptions()),
            intermediates=self._indices(table, "Intermediates", tensor_count, absent=True),
            is_custom=is_custom,
            custom_options=bytes(table.CustomOptionsAsNumpy()) if table.CustomOptionsLength() else b"",
        )
