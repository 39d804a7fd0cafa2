"""What an inference would take on a core where the model never ran, from prices measured on other models.

`boards/costs/<cpu>.json` is written by tools/measure_costs.py, which fits a price per kernel to instructions counted in
the emulator. A kernel that was not measured costs what all measured layers of that core cost a unit of work.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from typing import Any

from fieldwren import paths
from fieldwren.plan import Plan


@functools.cache
def price_list(cpu: str) -> Mapping[str, Any] | None:
    """The measured prices of a core, None for a core that was not measured."""
    path = paths.boards() / "costs" / f"{cpu}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def estimated_cycles(planned: Plan, cpu: str) -> int | None:
    """Cycles of one inference on the core, None without measured prices or without a cycle model of the core."""
    prices = price_list(cpu)
    if prices is None or prices["cycles_per_instruction"] is None:
        return None
    instructions = 0.0
    for call in planned.program.calls:
        units = call.macs or planned.program.buffers[call.output.buffer].nbytes
        price = prices["kernels"].get(call.kernel.name)
        if price is None:
            instructions += prices["any_kernel_per_unit"] * units
        else:
            instructions += price["per_unit"] * units + price["per_call"]
    return round(instructions * float(prices["cycles_per_instruction"])) or None
