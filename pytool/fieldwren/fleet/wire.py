"""What travels between server and devices, byte by byte; firmware/learn/exchange.c is the device's side.

All values are little-endian; a message ends with the CRC-32 of everything before it.

    task    u16 0x5446, u8 encoding | local << 4, u8 0, u32 model, sequence, base, version, seed,
            u16 steps, query_steps, f32 rate, momentum, kept_share, vector, u32 crc
    update  u16 0x5546, u8 status, u8 0, u32 model, sequence, samples, u16 correct, tested, vector, u32 crc
    vector  u8 encoding, u8 selection, u16 0, u32 count, u32 kept, selection bytes, values

`encoding` 0 float32, 1 float16, 2 int8; `local` bit 0 weights, 1 biases, 2 adapters; `status` 0 ok, 1 refused, 2 fault.
`selection` says which `kept` of `count` parameters have values: 0 all; 1 a bitmap, lowest bit first; 2 gaps: a byte for each
value is the number of parameters skipped before it, and 255 is 255 skipped and no value. int8 values come in blocks of 64
(the last one shorter), each behind a float32 scale: value = scale × int8.

Selective exchange sends the largest changes and keeps the rest for later (error feedback): Strom, "Scalable distributed DNN
training using commodity GPU cloud computing", Interspeech 2015; Stich et al., "Sparsified SGD with memory", NeurIPS 2018;
TinyMetaFed (arXiv 2307.06822) has it as top-P % selective communication.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fieldwren.errors import BadInputError
from fieldwren.fleet.device import Status, Task, Update, Vector
from fieldwren.fleet.federation import Encoding, Local

BLOCK = 64
"""int8 values that share a scale."""

_TASK = struct.Struct("<HBBIIIIIHHfff")
_UPDATE = struct.Struct("<HBBIIIHH")
_VECTOR = struct.Struct("<BBHII")
_CRC = struct.Struct("<I")
_TASK_MAGIC, _UPDATE_MAGIC = 0x5446, 0x5546
_ENCODINGS: tuple[Encoding, ...] = ("float32", "float16", "int8")
_LOCALS: tuple[Local, ...] = ("weights", "bias", "adapters")
_STATUSES: tuple[Status, ...] = ("ok", "refused", "fault")
_ALL, _BITMAP, _GAPS = range(3)
PARAMETERS_MOST = 1 << 22

Reason = Literal["corrupt", "not finite"]


class WireError(BadInputError):
    """Bytes that are no message: `reason` is for the audit log."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def kept_count(count: int, share: float) -> int:
    """How many of `count` parameters a share keeps: rounded up, in float32 as on the device."""
    product = np.float32(share) * np.float32(count)
    return int(min(count, max(1, int(np.ceil(product))))) if count else 0


def select(values: Vector, kept: int) -> NDArray[np.int64]:
    """Indices of the `kept` largest magnitudes, ascending; of equal ones the first."""
    if kept >= len(values):
        return np.arange(len(values))
    order = np.argsort(-np.abs(values), kind="stable")
    chosen: NDArray[np.int64] = np.sort(order[:kept])
    return chosen


def encode_vector(values: Vector, encoding: Encoding, share: float = 1.0) -> bytes:
    """`values` [n], finite float32, as a vector. float16 saturates."""
    count = len(values)
    chosen = select(values, kept_count(count, share))
    selection, which = _encode_selection(chosen, count)
    kept = values[chosen]
    if encoding == "float32":
        body = kept.astype("<f4").tobytes()
    elif encoding == "float16":
        body = np.clip(kept, -65504, 65504).astype("<f2").tobytes()
    else:
        body = _encode_int8(kept)
    return _VECTOR.pack(_ENCODINGS.index(encoding), selection, 0, count, len(chosen)) + which + body


def decode_vector(data: bytes) -> Vector:
    """The vector [n] that bytes stand for, zero where nothing was sent. Raises WireError."""
    if len(data) < _VECTOR.size:
        raise WireError("corrupt", "a vector is shorter than its header")
    code, selection, zero, count, kept = _VECTOR.unpack_from(data)
    if code >= len(_ENCODINGS) or zero or kept > count or count > PARAMETERS_MOST:
        raise WireError("corrupt", "the header of a vector makes no sense")
    chosen, at = _decode_selection(data, selection, count, kept)
    body, encoding = data[at:], _ENCODINGS[code]
    if len(body) != _body_bytes(encoding, kept):
        raise WireError("corrupt", f"{kept} values of {encoding} do not have {len(body)} bytes")
    if encoding == "float32":
        values = np.frombuffer(body, "<f4").astype(np.float32)
    elif encoding == "float16":
        values = np.frombuffer(body, "<f2").astype(np.float32)
    else:
        values = _decode_int8(body, kept)
    if not np.isfinite(values).all():
        raise WireError("not finite", "a vector has values that are not finite")
    vector = np.zeros(count, np.float32)
    vector[chosen] = values
    return vector


def encode_task(task: Task) -> bytes:
    """The bytes of a task; its change in full, as its encoding says (`kept_share` is about the answer)."""
    return encode_task_with(task, encode_vector(task.change, task.encoding))


def encode_task_with(task: Task, vector: bytes) -> bytes:
    """The bytes of a task whose change is encoded already, as wanted."""
    local = sum(1 << _LOCALS.index(name) for name in set(task.local))
    head = _TASK.pack(
        _TASK_MAGIC,
        _ENCODINGS.index(task.encoding) | local << 4,
        0,
        task.model,
        task.sequence,
        task.base,
        task.version,
        task.seed,
        task.steps,
        task.query_steps,
        task.rate,
        task.momentum,
        task.kept_share,
    )
    return _sealed(head + vector)


def decode_task(data: bytes) -> Task:
    """The task that bytes stand for. Raises WireError."""
    body = _opened(data, _TASK.size, _TASK_MAGIC)
    _, flags, _, model, sequence, base, version, seed, steps, query, rate, momentum, share = _TASK.unpack_from(body)
    if flags & 15 >= len(_ENCODINGS) or flags >> 4 >= 1 << len(_LOCALS):
        raise WireError("corrupt", "a task names an encoding that there is not")
    return Task(
        sequence=sequence,
        model=model,
        base=base,
        version=version,
        change=decode_vector(body[_TASK.size :]),
        steps=steps,
        rate=rate,
        seed=seed,
        momentum=momentum,
        query_steps=query,
        encoding=_ENCODINGS[flags & 15],
        kept_share=share,
        local=tuple(name for bit, name in enumerate(_LOCALS) if flags >> 4 & 1 << bit),
    )


def encode_update(update: Update, encoding: Encoding, share: float = 1.0) -> bytes:
    """The bytes of an update."""
    head = _UPDATE.pack(
        _UPDATE_MAGIC,
        _STATUSES.index(update.status),
        0,
        update.model,
        update.sequence,
        update.samples,
        update.correct,
        update.tested,
    )
    return _sealed(head + encode_vector(update.change, encoding, share))


def decode_update(data: bytes) -> Update:
    """The update that bytes stand for. Raises WireError."""
    body = _opened(data, _UPDATE.size, _UPDATE_MAGIC)
    _, status, _, model, sequence, samples, correct, tested = _UPDATE.unpack_from(body)
    if status >= len(_STATUSES) or correct > tested:
        raise WireError("corrupt", "an update says more right answers than questions, or no known status")
    change = decode_vector(body[_UPDATE.size :])
    return Update(sequence, model, change, samples, correct, tested, _STATUSES[status])


def shared_part(head: Vector, classes: int, features: int, local: Sequence[Local]) -> Vector:
    """The parameters of a head that travel, one behind the other."""
    return np.concatenate([head[part] for part in _segments(len(head), classes, features, local)] or [head[:0]])


def with_shared_part(head: Vector, shared: Vector, classes: int, features: int, local: Sequence[Local]) -> Vector:
    """`head` with its parameters that travel replaced."""
    whole, at = head.copy(), 0
    for part in _segments(len(head), classes, features, local):
        size = part.stop - part.start
        whole[part] = shared[at : at + size]
        at += size
    return whole


def _segments(count: int, classes: int, features: int, local: Sequence[Local]) -> list[slice]:
    weights, biases = classes * features, classes * (features + 1)
    bounds = ((0, weights), (weights, biases), (biases, count))
    return [slice(a, b) for name, (a, b) in zip(_LOCALS, bounds, strict=True) if name not in local and a < b]


def _sealed(body: bytes) -> bytes:
    return body + _CRC.pack(zlib.crc32(body))


def _opened(data: bytes, header: int, magic: int) -> bytes:
    if len(data) < header + _VECTOR.size + _CRC.size:
        raise WireError("corrupt", f"a message of {len(data)} bytes is too short")
    body = data[: -_CRC.size]
    if _CRC.unpack(data[-_CRC.size :])[0] != zlib.crc32(body):
        raise WireError("corrupt", "the CRC of a message is wrong")
    if struct.unpack_from("<H", body)[0] != magic:
        raise WireError("corrupt", "a message is of another kind")
    return body


def _encode_selection(chosen: NDArray[np.int64], count: int) -> tuple[int, bytes]:
    """The shorter of bitmap and gaps; the bitmap where they are equal."""
    if len(chosen) == count:
        return _ALL, b""
    skipped = np.diff(chosen, prepend=-1) - 1
    if len(chosen) + int((skipped // 255).sum()) < (count + 7) // 8:
        return _GAPS, b"".join(b"\xff" * int(gap // 255) + bytes([int(gap % 255)]) for gap in skipped)
    bits = np.zeros(count, np.uint8)
    bits[chosen] = 1
    return _BITMAP, np.packbits(bits, bitorder="little").tobytes()


def _decode_selection(data: bytes, selection: int, count: int, kept: int) -> tuple[NDArray[np.int64], int]:
    at = _VECTOR.size
    if selection == _ALL and kept == count:
        return np.arange(count), at
    if selection == _BITMAP:
        bitmap = np.frombuffer(data[at : at + (count + 7) // 8], np.uint8)
        chosen = np.flatnonzero(np.unpackbits(bitmap, bitorder="little"))
        if len(bitmap) == (count + 7) // 8 and len(chosen) == kept and (kept == 0 or chosen[-1] < count):
            return chosen, at + len(bitmap)
    if selection == _GAPS:
        places: list[int] = []
        place = -1
        while len(places) < kept and at < len(data):
            place += data[at] + (data[at] != 255)
            if data[at] != 255:
                places.append(place)
            at += 1
        if len(places) == kept and place < count:
            return np.array(places, np.int64), at
    raise WireError("corrupt", "the selection of a vector does not fit its header")


def _body_bytes(encoding: Encoding, kept: int) -> int:
    if encoding == "int8":
        return kept + 4 * -(-kept // BLOCK)
    return kept * (4 if encoding == "float32" else 2)


def _encode_int8(values: Vector) -> bytes:
    """Blocks of scale and values; halves are rounded away from zero."""
    parts = []
    for at in range(0, len(values), BLOCK):
        block = values[at : at + BLOCK]
        scale = np.float32(np.abs(block).max()) / np.float32(127)
        inverse = np.float32(1) / scale if scale > np.float32(1e-30) else np.float32(0)
        steps = np.trunc(block * inverse + np.copysign(np.float32(0.5), block))
        parts.append(struct.pack("<f", scale) + np.clip(steps, -127, 127).astype(np.int8).tobytes())
    return b"".join(parts)


def _decode_int8(body: bytes, kept: int) -> Vector:
    values, at = np.empty(kept, np.float32), 0
    for start in range(0, kept, BLOCK):
        size = min(BLOCK, kept - start)
        scale = np.frombuffer(body, "<f4", 1, at)[0]
        with np.errstate(over="ignore"):  # who calls it looks for values that are not finite
            values[start : start + size] = np.frombuffer(body, np.int8, size, at + 4).astype(np.float32) * scale
        at += 4 + size
    return values
