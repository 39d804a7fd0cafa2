"""Code and stack of an image before it is compiled, from a table of measured sizes per core.

`boards/sizes/<cpu>.json` is written by `tools/measure_sizes.py`, which builds models for the core and reads what
each kernel took in the linked images.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass

from fieldwren import paths
from fieldwren.boards import Board
from fieldwren.plan import Plan
from fieldwren.plan.planner import aligned

_CERTAIN_SHARE = 0.05
"""Up to this share of the flash, code that is predicted too large leaves the sum within five per cent."""

_UNKNOWN_KERNEL_CODE_BYTES = 2048
_UNKNOWN_KERNEL_STACK_BYTES = 256
_STATE_ALIGNMENT = 16


@dataclass(frozen=True)
class KernelSize:
    """The most that an instance of a kernel was seen to take, in bytes."""

    code_bytes: int
    stack_bytes: int


@dataclass(frozen=True)
class SizeTable:
    """Sizes on one core: `base_*` is an image without a model, `call_bytes` one line of fw_model_invoke."""

    base_code_bytes: int
    base_ram_bytes: int
    base_stack_bytes: int
    call_bytes: int
    kernels: Mapping[str, KernelSize]


@dataclass(frozen=True)
class Prediction:
    """Sizes of the `core` image in bytes; `estimated` when it may be off by more than 5 %.

    That is where a kernel or the whole core was never measured, and where code is more than a twentieth of the flash.
    """

    flash_bytes: int
    ram_bytes: int
    stack_bytes: int
    code_bytes: int
    weights_bytes: int
    estimated: bool


@functools.cache
def size_table(cpu: str) -> SizeTable | None:
    """The table of a core, None when it has not been measured."""
    path = paths.boards() / "sizes" / f"{cpu}.json"
    if not path.is_file():
        return None
    content = json.loads(path.read_text())
    kernels = {name: KernelSize(**sizes) for name, sizes in content.pop("kernels").items()}
    return SizeTable(**content, kernels=kernels)


_UNMEASURED = SizeTable(base_code_bytes=2048, base_ram_bytes=256, base_stack_bytes=256, call_bytes=40, kernels={})
"""Generous figures for cores without a table; predictions from it are marked `estimated`."""


def phases_bytes(planned: Plan, phases: int) -> int:
    """RAM for the model's state, `phases` times: FW_APP_STATE_BYTES of firmware/include/fw_app.h."""
    return planned.state_bytes if phases == 1 else phases * aligned(planned.state_bytes, _STATE_ALIGNMENT)


def predict(planned: Plan, board: Board, phases: int = 1) -> Prediction:
    """Flash, RAM and stack of the `core` image of `planned` on `board`, with `phases` instances of its state."""
    known = size_table(board.core.cpu)
    table = known or _UNMEASURED
    calls = planned.program.calls
    signatures = {
        (
            call.kernel.name,
            *(v for s, v in zip(call.kernel.parameters, call.parameters, strict=True) if not s.per_layer),
        )
        for call in calls
    }
    fallback = KernelSize(_UNKNOWN_KERNEL_CODE_BYTES, _UNKNOWN_KERNEL_STACK_BYTES)
    sizes = [table.kernels.get(str(signature[0]), fallback) for signature in signatures]
    code = table.base_code_bytes + sum(size.code_bytes for size in sizes) + len(calls) * table.call_bytes
    stack = table.base_stack_bytes + max((size.stack_bytes for size in sizes), default=0)
    weights = planned.const_bytes
    return Prediction(
        flash_bytes=code + weights,
        ram_bytes=table.base_ram_bytes + planned.arena_bytes + phases_bytes(planned, phases) + stack,
        stack_bytes=stack,
        code_bytes=code,
        weights_bytes=weights,
        # What is predicted for code is the most that was seen: it bounds the error where code is a small part.
        estimated=known is None
        or any(call.kernel.name not in table.kernels for call in calls)
        or code > _CERTAIN_SHARE * (code + weights),
    )
