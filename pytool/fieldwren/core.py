"""Processor cores, as far as lowering cares: which kernel variants exist on them, and what one optimises for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Optimise = Literal["balanced", "size", "speed"]
"""`balanced`: kernels specialised for the model's shapes; `size`: fw_run executes the Program, one copy of each kernel;
`speed`: as balanced, and every layer has code of its own."""


@dataclass(frozen=True)
class Core:
    """A core. `dsp`: Armv7E-M SIMD instructions; `mve`: Helium vectors; `fpu`: single-precision float instructions."""

    name: str
    dsp: bool = False
    mve: bool = False
    fpu: bool = False

    def has(self, feature: str) -> bool:
        """Whether kernels that need `feature` ("portable", "dsp" or "mve"; or a core's name) run here."""
        return feature in ("portable", self.name) or (feature in ("dsp", "mve") and bool(getattr(self, feature)))


PORTABLE = Core("portable", fpu=True)
"""Only plain C kernels: what fw_run on the host executes."""
