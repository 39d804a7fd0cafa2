"""`Graph`: what a model file says, free of the file format. Written by fieldwren.tflite, read by fieldwren.ops."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

DTYPES: Mapping[str, np.dtype[Any]] = {
    name: np.dtype(name)
    for name in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "bool")
}
"""Element types that tensors of a compiled model may have."""

DTYPE_CODES: Mapping[str, int] = {
    "int8": 1,
    "int16": 2,
    "int32": 3,
    "uint8": 4,
    "float32": 5,
    "bool": 6,
    "int64": 7,
    "uint16": 8,
    "uint32": 9,
    "uint64": 10,
}
"""fw_dtype_t of firmware/include/fw_model.h."""


@dataclass(frozen=True)
class Quantisation:
    """real = scale * (q - zero_point), per tensor (one entry) or per slice along `axis`."""

    scales: NDArray[np.float32]
    zero_points: NDArray[np.int64]
    axis: int = 0

    @property
    def scale(self) -> float:
        """The first (only, if per tensor) scale, exactly as stored (float32)."""
        return float(self.scales[0])

    @property
    def zero_point(self) -> int:
        """The first (only, if per tensor) zero point."""
        return int(self.zero_points[0])


@dataclass(frozen=True)
class Tensor:
    """One tensor of a subgraph. `data` is its constant value, None if it is computed, fed or a variable."""

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: str
    quantisation: Quantisation | None = None
    data: NDArray[Any] | None = None
    is_variable: bool = False

    @property
    def elements(self) -> int:
        """Number of elements (1 for a scalar)."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def nbytes(self) -> int:
        """Size in bytes."""
        return self.elements * DTYPES[self.dtype].itemsize


@dataclass(frozen=True)
class Operator:
    """One operator. `name` is TFLite's builtin name, or the custom name for custom operators; -1 marks an absent input."""

    index: int
    name: str
    version: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    intermediates: tuple[int, ...] = ()
    is_custom: bool = False
    custom_options: bytes = b""


@dataclass(frozen=True)
class Subgraph:
    """Tensors and the operators over them, in execution order."""

    name: str
    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True)
class Graph:
    """A model file. Subgraph 0 is the model; others are bodies that operators of it call."""

    name: str
    sha256: str
    subgraphs: tuple[Subgraph, ...]
    metadata: Mapping[str, bytes]
    description: str
    file_bytes: int

    @property
    def main(self) -> Subgraph:
        """The model itself."""
        return self.subgraphs[0]
