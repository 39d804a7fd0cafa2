"""Code and stack of an image before it is compiled, from a table of measured sizes per core.

`boards/sizes/<cpu>.json` is written by `tools/measure_sizes.py`, which builds models for the core and reads what
each kernel took in the linked images, and which of the routines that kernels share it pulls in.
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
from fieldwren.render.model import resets

_CERTAIN_SHARE = 0.05
"""Predictions whose most and least differ by no more than this are certain."""

_UNKNOWN_KERNEL_CODE_BYTES = 2048
_UNKNOWN_KERNEL_STACK_BYTES = 256
_STATE_ALIGNMENT = 16


@dataclass(frozen=True)
class KernelSize:
    """The most and the least that an instance of a kernel was seen to take in bytes, and which routines it calls."""

    code_bytes: int
    stack_bytes: int
    least_code_bytes: int = 0
    calls: tuple[str, ...] = ()


@dataclass(frozen=True)
class SizeTable:
    """Sizes on one core: `base_*` is an image without a model, `operand_bytes` one operand in fw_model_invoke.

    `shared` are routines that kernels call, which an image holds once.
    """

    base_code_bytes: int
    least_base_code_bytes: int
    base_ram_bytes: int
    base_stack_bytes: int
    operand_bytes: float
    shared: Mapping[str, int]
    kernels: Mapping[str, KernelSize]


@dataclass(frozen=True)
class Prediction:
    """Sizes of the `core` image in bytes: the most that is to be expected.

    `estimated` when the flash may be off by more than 5 %: where a kernel or the whole core was never measured, or
    where what was measured varies by more than that.
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
    kernels = {name: KernelSize(**{**s, "calls": tuple(s["calls"])}) for name, s in content.pop("kernels").items()}
    return SizeTable(**content, kernels=kernels)


_UNMEASURED = SizeTable(
    base_code_bytes=2048,
    least_base_code_bytes=0,
    base_ram_bytes=256,
    base_stack_bytes=256,
    operand_bytes=8.0,
    shared={},
    kernels={},
)
"""Generous figures for cores without a table; predictions from it are marked `estimated`."""


def phases_bytes(planned: Plan, phases: int) -> int:
    """RAM for the model's state, `phases` times: FW_APP_STATE_BYTES of firmware/include/fw_app.h."""
    return planned.state_bytes if phases == 1 else phases * aligned(planned.state_bytes, _STATE_ALIGNMENT)


def predict(planned: Plan, board: Board, phases: int = 1) -> Prediction:
    """Flash, RAM and stack of the `core` image of `planned` on `board`, with `phases` instances of its state."""
    known = size_table(board.core.cpu)
    table = known or _UNMEASURED
    calls = planned.program.calls
    fallback = KernelSize(_UNKNOWN_KERNEL_CODE_BYTES, _UNKNOWN_KERNEL_STACK_BYTES)
    sizes = [table.kernels.get(name, fallback) for name in _instances(planned)]
    shared = {name: table.shared[name] for size in sizes for name in size.calls}
    operands = sum(operand is not None for call in calls for operand in call.operands) + len(calls)
    common = sum(shared.values()) + round(operands * table.operand_bytes)
    code = table.base_code_bytes + common + sum(size.code_bytes for size in sizes)
    least = table.least_base_code_bytes + sum(shared.values()) + sum(size.least_code_bytes for size in sizes)
    stack = table.base_stack_bytes + max((size.stack_bytes for size in sizes), default=0)
    weights = planned.const_bytes + len(resets(planned).table)
    return Prediction(
        flash_bytes=code + weights,
        ram_bytes=table.base_ram_bytes + planned.arena_bytes + phases_bytes(planned, phases) + stack,
        stack_bytes=stack,
        code_bytes=code,
        weights_bytes=weights,
        estimated=known is None
        or any(call.kernel.name not in table.kernels for call in calls)
        or code - least > _CERTAIN_SHARE * (least + weights),
    )


def _instances(planned: Plan) -> list[str]:
    """The kernel of every function that rendered code will have: calls that agree in their literals share one."""
    found = {
        (
            call.kernel.name,
            *(v for s, v in zip(call.kernel.parameters, call.parameters, strict=True) if not s.per_layer),
            *(operand is None for operand in call.operands),
        )
        for call in planned.program.calls
    }
    return [str(instance[0]) for instance in found]
