"""`Program`: kernel calls over buffers, with every constant folded. Made by fieldwren.ops, read by fieldwren.plan."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from numpy.typing import NDArray

from fieldwren.kernel import Kernel


class Place(Enum):
    """Where a buffer lives."""

    ARENA = "arena"
    """Activations: memory is shared between buffers that are not alive together."""
    CONST = "const"
    """Read-only tables in flash."""
    STATE = "state"
    """Survives from one inference to the next; `data` is the value after a reset (zeros if None)."""


@dataclass(frozen=True)
class Buffer:
    """A piece of memory of `nbytes`, aligned to `align` bytes. `data` holds the content of CONST buffers."""

    name: str
    place: Place
    nbytes: int
    dtype: str
    data: NDArray[Any] | None = field(default=None, compare=False)
    align: int = 4


@dataclass(frozen=True)
class Operand:
    """Byte `offset` of buffer number `buffer` of the Program."""

    buffer: int
    offset: int = 0


@dataclass(frozen=True)
class Layer:
    """Which operator of the model a kernel call came from, for reports and error messages.

    `output` and `tensor` are the name and index of the operator's first output (tensor -1: it has none).
    """

    operator: int
    name: str
    output: str
    tensor: int = -1


@dataclass(frozen=True)
class Alternative:
    """A variant that could compute a layer.

    `instructions` are predicted for the core (None: never measured); bytes are those of its tables and working memory.
    """

    name: str
    kernel: str
    instructions: int | None
    const_bytes: int
    scratch_bytes: int


@dataclass(frozen=True)
class KernelCall:
    """One call. `operands[i]` is None where the kernel takes an optional operand that the model leaves out.

    `in_place` lists (written operand, read operand) pairs that may share memory when the read one dies here, if the
    written one is not larger, or `may_grow` says that the kernel begins at the end. `alternatives` are the variants
    that the planner chose from, the chosen one first; empty where there was nothing to choose.
    """

    kernel: Kernel
    parameters: tuple[int | float, ...]
    operands: tuple[Operand | None, ...]
    layer: Layer
    macs: int = 0
    in_place: tuple[tuple[int, int], ...] = ()
    may_grow: bool = False
    alternatives: tuple[Alternative, ...] = field(default=(), compare=False)

    @property
    def output(self) -> Operand | None:
        """The first operand that is written and not scratch; None where nothing is (skip)."""
        for spec, operand in zip(self.kernel.operands, self.operands, strict=True):
            if not spec.is_const and not spec.is_scratch and operand is not None:
                return operand
        return None


@dataclass(frozen=True)
class Port:
    """An input or output of the model. `scale` is 0 when the tensor is not quantised."""

    name: str
    operand: Operand
    shape: tuple[int, ...]
    dtype: str
    nbytes: int
    scale: float
    zero_point: int


@dataclass(frozen=True)
class Program:
    """A lowered model: calls in execution order."""

    name: str
    model_sha256: str
    buffers: tuple[Buffer, ...]
    calls: tuple[KernelCall, ...]
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    operators: Counter[str] = field(default_factory=Counter)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one inference, by the model's own layer shapes."""
        return sum(call.macs for call in self.calls)

    @property
    def const_bytes(self) -> int:
        """Bytes of all constant tables."""
        return sum(b.nbytes for b in self.buffers if b.place is Place.CONST)

    @property
    def is_stateful(self) -> bool:
        """True when an inference depends on earlier ones."""
        return any(b.place is Place.STATE for b in self.buffers)


SKIP = "skip"
"""The kernel that leaves out the calls behind it; its one parameter counts them."""


def skipped_to(program: Program) -> int | None:
    """The call at which an inference goes on that leaves some out; None where none ever does."""
    for number, call in enumerate(program.calls):
        if call.kernel.name == SKIP:
            return number + 1 + int(call.parameters[0])
    return None
