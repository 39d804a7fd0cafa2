"""Which operator is lowered by which function; filled by the modules of this package, and by plug-ins."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

if TYPE_CHECKING:
    from fieldwren.graph import Operator
    from fieldwren.ops.lowering import Lowering

Lower = Callable[["Lowering", "Operator"], None]
Fold = Callable[["Lowering", "Operator"], "tuple[NDArray[Any], ...] | None"]

_LOWER: dict[str, Lower] = {}
_FOLD: dict[str, Fold] = {}

INTERNAL = frozenset(
    {"STREAM_SLAB", "STREAM_STORE", "STREAM_ROWS", "STREAM_MEAN", "STREAM_SUM", "STREAM_AVERAGE_POOL_2D"}
)
"""Operators that no file has: fieldwren.streaming makes them (fieldwren.ops.streaming)."""

ENTRY_POINTS = "fieldwren.ops"
"""Entry-point group under which another package names modules that register lowerings of custom operators."""


def lowers(*names: str) -> Callable[[Lower], Lower]:
    """Registers the decorated function for the operators `names` (builtin or custom)."""

    def register(function: Lower) -> Lower:
        for name in names:
            _LOWER[name] = function
        return function

    return register


def folds(*names: str) -> Callable[[Fold], Fold]:
    """Registers the function that computes the outputs of `names` when the inputs it needs are constant.

    It returns one array per output, or None when this operator cannot be computed before run time.
    """

    def register(function: Fold) -> Fold:
        for name in names:
            _FOLD[name] = function
        return function

    return register


@functools.cache
def _load() -> None:
    import fieldwren.ops as package

    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"fieldwren.ops.{module.name}")
    for entry in entry_points(group=ENTRY_POINTS):
        entry.load()


def lowerings() -> Mapping[str, Lower]:
    """All registered lowerings by operator name."""
    _load()
    return _LOWER


def folders() -> Mapping[str, Fold]:
    """All registered constant folders by operator name."""
    _load()
    return _FOLD
