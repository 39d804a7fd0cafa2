"""Everything known before compiling: lifetimes, arena layout, state, and the binary form of a Program."""

from fieldwren.plan.encode import encode
from fieldwren.plan.planner import Plan, plan

__all__ = ["Plan", "encode", "plan"]
