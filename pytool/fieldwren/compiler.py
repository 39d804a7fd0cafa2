"""The way from a file to a Plan in one call: read, lower, plan."""

from __future__ import annotations

from pathlib import Path

from fieldwren.core import PORTABLE, Core, Optimise
from fieldwren.ops.lowering import lower
from fieldwren.plan import Plan, plan
from fieldwren.tflite import read_model


def compile_model(model: str | Path, core: Core = PORTABLE, optimise: Optimise = "balanced") -> Plan:
    """Reads `model` (.tflite), lowers it for `core` and lays it out."""
    return plan(lower(read_model(model), core, optimise))
