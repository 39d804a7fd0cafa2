"""What an inference would take on a core where the model never ran, from prices measured on other models.

What fieldwren.costs predicts for a call comes first. For other kernels, `boards/costs/latency/<cpu>.json`, written by
tools/measure_latency.py, has a price per kernel that was fitted to the layers of real models; a kernel that is in neither
costs what all measured layers of that core cost a unit of work. The same file has the core's cycles per instruction.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from typing import Any

from fieldwren import paths
from fieldwren.core import Core
from fieldwren.costs import predicted
from fieldwren.plan import Plan


@functools.cache
def price_list(cpu: str) -> Mapping[str, Any] | None:
    """The measured prices of a core, None for a core that was not measured."""
    path = paths.boards() / "costs" / "latency" / f"{cpu}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def estimated_cycles(planned: Plan, core: Core) -> int | None:
    """Cycles of one inference on the core, None without measured prices or without a cycle model of the core."""
    prices = price_list(core.name)
    if prices is None or prices["cycles_per_instruction"] is None:
        return None
    instructions = 0.0
    for call in planned.program.calls:
        known = predicted(core, call)
        if known is not None:
            instructions += known
            continue
        output = call.output
        units = call.macs or (planned.program.buffers[output.buffer].nbytes if output is not None else 0)
        price = prices["kernels"].get(call.kernel.name)
        if price is None:
            instructions += prices["any_kernel_per_unit"] * units
        else:
            instructions += price["per_unit"] * units + price["per_call"]
    return round(instructions * float(prices["cycles_per_instruction"])) or None
