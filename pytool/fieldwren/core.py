"""Processor cores, as far as lowering cares: which kernel variants exist on them."""

from __future__ import annotations

from dataclasses import dataclass


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


PORTABLE = Core("portable", fpu=True)
"""Only plain C kernels: what fw_run on the host executes."""
