"""Learning of the last layer: where a model is cut, what the learner starts from, and simulations of it."""

from __future__ import annotations

from fieldwren.learn.cut import Cut, cut
from fieldwren.learn.factory import Factory, LearnerConfig, StoredEmbeddings, factory_of
from fieldwren.learn.script import Script, ScriptResult, run_script
from fieldwren.learn.simulate import SimulateResult, simulate

__all__ = [
    "Cut",
    "Factory",
    "LearnerConfig",
    "Script",
    "ScriptResult",
    "SimulateResult",
    "StoredEmbeddings",
    "cut",
    "factory_of",
    "run_script",
    "simulate",
]
