"""fw_run on this machine: executes a planned Program with the very C code that devices run."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fieldwren.errors import BadInputError
from fieldwren.graph import DTYPES
from fieldwren.native import library
from fieldwren.native.extended import extended_library
from fieldwren.plan import Plan, encode
from fieldwren.program import Port

_FW_OK = 0


class _ProgramHandle(ctypes.Structure):
    """fw_program_t."""

    _fields_ = (("header", ctypes.c_void_p),)


def _aligned_bytes(nbytes: int) -> NDArray[np.uint8]:
    """uint8[nbytes] (at least one) that starts at a multiple of 16."""
    raw = np.zeros(nbytes + 31, np.uint8)
    start = -raw.ctypes.data % 16
    return raw[start : start + max(nbytes, 1)]


def check_input(port: Port, value: NDArray[Any], where: str) -> None:
    """Raises BadInputError unless `value` has exactly the dtype and shape of `port`: nothing is cast."""
    if value.dtype != DTYPES[port.dtype]:
        raise BadInputError(
            f"{where} is {value.dtype}, and the model's input {port.name!r} is {port.dtype}: convert it first"
        )
    if value.shape != port.shape:
        raise BadInputError(
            f"{where} has shape {list(value.shape)}, and the model's input {port.name!r} has {list(port.shape)}"
        )


class Interpreter:
    """One instance of a model on the host: arena and state belong to it.

    >>> interpreter = Interpreter(plan(lower(read_model("model.tflite"), PORTABLE)))
    >>> (probabilities,) = interpreter.invoke([features])
    """

    def __init__(self, planned: Plan) -> None:
        self.plan = planned
        kernels = {call.kernel for call in planned.program.calls}
        foreign = any(kernel.is_plugin for kernel in kernels)
        self._library = extended_library(tuple(kernels)) if foreign else library()
        block = encode(planned)
        self._block = _aligned_bytes(len(block))
        self._block[: len(block)] = np.frombuffer(block, np.uint8)
        self._arena = _aligned_bytes(planned.arena_bytes)
        self._state = _aligned_bytes(planned.state_bytes)
        self._handle = _ProgramHandle()
        status = self._library.fw_program_open(
            ctypes.byref(self._handle), ctypes.c_void_p(self._block.ctypes.data), ctypes.c_uint32(len(block))
        )
        if status != _FW_OK:
            raise RuntimeError(f"fw_run refused the Program of {planned.program.name} (status {status})")
        self.reset()

    @property
    def state(self) -> NDArray[np.uint8]:
        """The model's state itself, which may be written to."""
        return self._state

    def reset(self) -> None:
        """Puts a stateful model back to its start."""
        self._library.fw_run_reset(ctypes.byref(self._handle), ctypes.c_void_p(self._state.ctypes.data))

    def invoke(self, inputs: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        """One inference: inputs and outputs in the model's dtypes and shapes."""
        self._feed(inputs)
        self._library.fw_run_invoke(
            ctypes.byref(self._handle),
            ctypes.c_void_p(self._arena.ctypes.data),
            ctypes.c_void_p(self._state.ctypes.data),
        )
        return self.outputs()

    def layers(self, inputs: Sequence[NDArray[Any]]) -> Iterator[NDArray[Any]]:
        """Like `invoke`, yielding the first output of every kernel call as a flat array of its own dtype.

        It is empty for calls that write nothing or were left out.
        """
        self._feed(inputs)
        cursor, skipped = ctypes.c_uint32(0), 0
        for call in self.plan.program.calls:
            if skipped:
                skipped -= 1
                yield np.zeros(0, np.uint8)
                continue
            skipped = self._library.fw_run_step(
                ctypes.byref(self._handle),
                ctypes.c_void_p(self._arena.ctypes.data),
                ctypes.c_void_p(self._state.ctypes.data),
                ctypes.byref(cursor),
            )
            if call.output is None:
                yield np.zeros(0, np.uint8)
                continue
            buffer = self.plan.program.buffers[call.output.buffer]
            memory = self._arena if buffer.place.value == "arena" else self._state
            start = self.plan.address(call.output)
            yield memory[start : start + buffer.nbytes - call.output.offset].copy().view(DTYPES[buffer.dtype])

    def outputs(self) -> list[NDArray[Any]]:
        """The outputs of the last inference."""
        return [self._read(port) for port in self.plan.program.outputs]

    def _feed(self, inputs: Sequence[NDArray[Any]]) -> None:
        ports = self.plan.program.inputs
        if len(inputs) != len(ports):
            raise BadInputError(f"{len(inputs)} inputs given, and {self.plan.program.name} has {len(ports)}")
        for number, (port, value) in enumerate(zip(ports, inputs, strict=True)):
            check_input(port, value, f"input {number}")
            start = self.plan.address(port.operand)
            self._arena[start : start + port.nbytes] = np.frombuffer(value.tobytes(), np.uint8)

    def _read(self, port: Port) -> NDArray[Any]:
        start = self.plan.address(port.operand)
        return self._arena[start : start + port.nbytes].copy().view(DTYPES[port.dtype]).reshape(port.shape)
