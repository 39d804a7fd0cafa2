"""Processor cores, as far as lowering cares: which kernel variants exist on them, and what one optimises for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Optimise = Literal["balanced", "size", "speed"]
"""`balanced`: kernels specialised for the model's shapes; `size`: fw_run executes the Program, one copy of each kernel;
`speed`: as balanced, and every layer has code of its own."""

FEATURES = ("dsp", "mve", "packed")
"""What kernel variants may need of a core."""


@dataclass(frozen=True)
class Core:
    """A core.

    `dsp`: Armv7E-M SIMD instructions; `mve`: Helium vectors; `packed`: no multiply-accumulate, so that two pixels in a
    word pay; `fpu`: single-precision float instructions.
    """

    name: str
    dsp: bool = False
    mve: bool = False
    packed: bool = False
    fpu: bool = False

    def has(self, feature: str) -> bool:
        """Whether kernels that need `feature` ("portable", one of FEATURES, or a core's name) run here."""
        return feature in ("portable", self.name) or (feature in FEATURES and bool(getattr(self, feature)))

    def plain(self) -> Core:
        """The core as if it had none of FEATURES."""
        return replace(self, dsp=False, mve=False, packed=False)


PORTABLE = Core("portable", fpu=True)
"""Only plain C kernels: what fw_run on the host executes."""
