"""Networks that see each frame once and keep a state: described step by step, computed in float, written as .tflite.

TensorFlow's converter has no form for them that keeps int16 states beside int8 layers, so the few operators that they
are made of are quantised and written here.
"""

from __future__ import annotations

from fieldwren.train.step.graph import StepGraph, Value
from fieldwren.train.step.quantise import to_int8

__all__ = ["StepGraph", "Value", "to_int8"]
