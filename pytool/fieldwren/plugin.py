"""What a package needs that adds operators to fieldwren; nothing else is promised to plug-ins.

A package names a module under the entry-point group `fieldwren.ops`. When it is imported, the module registers lowerings
and the folder with its kernels; examples/custom-operator is one that runs.
"""

from __future__ import annotations

from fieldwren.graph import Graph, Operator, Quantisation, Tensor
from fieldwren.kernel import add_kernels
from fieldwren.ops.custom_options import custom_options, integer
from fieldwren.ops.lookup import lower_lookup
from fieldwren.ops.lowering import Lowering
from fieldwren.ops.quantise import activation_range, requantisation
from fieldwren.ops.registry import ANY, folds, lowers
from fieldwren.program import Operand

__all__ = [
    "ANY",
    "Graph",
    "Lowering",
    "Operand",
    "Operator",
    "Quantisation",
    "Tensor",
    "activation_range",
    "add_kernels",
    "custom_options",
    "folds",
    "integer",
    "lower_lookup",
    "lowers",
    "requantisation",
]
