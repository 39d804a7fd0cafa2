"""How good an app is, measured with the C code that runs on the device."""

from fieldwren.evaluate.evaluate import EvaluateResult, evaluate

__all__ = ["EvaluateResult", "evaluate"]
