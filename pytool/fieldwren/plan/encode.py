"""The binary form of a planned Program, which fw_run executes (firmware/runtime/fw_run.h documents the layout)."""

from __future__ import annotations

import struct
import zlib

import numpy as np

from fieldwren.graph import DTYPE_CODES
from fieldwren.plan.planner import Plan
from fieldwren.program import KernelCall, Operand, Place, Port

MAGIC = b"FWPR"
VERSION = 1
_HEADER = struct.Struct("<4sIII 32s 11I")
_CRC_FROM = 16
_PLACES = {Place.ARENA: 0, Place.CONST: 1, Place.STATE: 2}
_ABSENT = 3 << 30


def encode(plan: Plan) -> bytes:
    """The Program as one relocatable block of bytes, 16-byte aligned parts, CRC-32 over all behind the CRC."""
    program = plan.program
    ports = b"".join(_port(plan, port) for port in (*program.inputs, *program.outputs))
    calls = b"".join(_call(plan, call) for call in program.calls)
    consts = constants(plan)
    initial = initial_state(plan)
    name = program.name.encode()[:255] + b"\0"

    parts, offsets, position = [], [], _aligned(_HEADER.size)
    for part in (ports, calls, name, initial, consts):
        offsets.append(position if part or part is not initial else 0)
        parts.append(part + bytes(_aligned(len(part)) - len(part)))
        position += len(parts[-1])
    body = _HEADER.pack(
        MAGIC,
        VERSION,
        position,
        0,
        bytes.fromhex(program.model_sha256),
        plan.arena_bytes,
        plan.state_bytes,
        plan.const_bytes,
        len(program.inputs),
        len(program.outputs),
        len(program.calls),
        *offsets,
    )
    block = bytearray(body.ljust(_aligned(_HEADER.size), b"\0") + b"".join(parts))
    block[12:16] = struct.pack("<I", zlib.crc32(block[_CRC_FROM:]))
    return bytes(block)


def constants(plan: Plan) -> bytes:
    """All constant tables at their offsets."""
    block = bytearray(plan.const_bytes)
    for buffer, offset in zip(plan.program.buffers, plan.offsets, strict=True):
        if buffer.place is Place.CONST and buffer.data is not None:
            block[offset : offset + buffer.nbytes] = np.ascontiguousarray(buffer.data).tobytes()
    return bytes(block)


def initial_state(plan: Plan) -> bytes:
    """The state after a reset; empty when it is all zeros."""
    block = bytearray(plan.state_bytes)
    for buffer, offset in zip(plan.program.buffers, plan.offsets, strict=True):
        if buffer.place is Place.STATE and buffer.data is not None:
            block[offset : offset + buffer.nbytes] = np.ascontiguousarray(buffer.data).tobytes()
    return bytes(block) if any(block) else b""


def parameter_words(call: KernelCall) -> list[int]:
    """The parameter struct of a call as unsigned 32-bit words."""
    packed = (
        struct.pack("<f", value) if spec.is_float else struct.pack("<i", value)
        for spec, value in zip(call.kernel.parameters, call.parameters, strict=True)
    )
    return [int(struct.unpack("<I", word)[0]) for word in packed]


def _aligned(nbytes: int) -> int:
    return -(-nbytes // 16) * 16


def _port(plan: Plan, port: Port) -> bytes:
    return struct.pack(
        "<IIIfi", plan.address(port.operand), port.nbytes, DTYPE_CODES[port.dtype], port.scale, port.zero_point
    )


def _operand(plan: Plan, operand: Operand | None) -> int:
    if operand is None:
        return _ABSENT
    return _PLACES[plan.program.buffers[operand.buffer].place] << 30 | plan.address(operand)


def _call(plan: Plan, call: KernelCall) -> bytes:
    words = [*parameter_words(call), *(_operand(plan, operand) for operand in call.operands)]
    return struct.pack(f"<HBB{len(words)}I", call.kernel.id, len(call.parameters), len(call.operands), *words)
