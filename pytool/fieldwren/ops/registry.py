"""Which operator is lowered by which function; filled by the modules of this package, and by plug-ins."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from fieldwren.errors import BadInputError
from fieldwren.graph import DTYPES

if TYPE_CHECKING:
    from fieldwren.graph import Operator
    from fieldwren.ops.lowering import Lowering

Lower = Callable[["Lowering", "Operator"], None]
Fold = Callable[["Lowering", "Operator"], "tuple[NDArray[Any], ...] | None"]

_LOWER: dict[str, Lower] = {}
_FOLD: dict[str, Fold] = {}
_DTYPES: dict[str, tuple[str, ...] | None] = {}

_FAMILIES: dict[str, tuple[str, ...]] = {}

ANY = tuple(DTYPES)
"""Types of the operators that move elements and never compute with them."""

INTERNAL = frozenset(
    {"STREAM_SLAB", "STREAM_STORE", "STREAM_ROWS", "STREAM_MEAN", "STREAM_SUM", "STREAM_AVERAGE_POOL_2D"}
)
"""Operators that no file has: fieldwren.streaming makes them (fieldwren.ops.streaming)."""

ENTRY_POINTS = "fieldwren.ops"
"""Entry-point group under which another package names modules that register lowerings of custom operators."""


def lowers(
    *names: str, dtypes: Sequence[str] | None = None, dtype_of: int = 0, families: Sequence[str] = ()
) -> Callable[[Lower], Lower]:
    """Registers the decorated function for the operators `names` (builtin or custom).

    `dtypes` are the types that input number `dtype_of` may have; other models are refused before the function runs.
    An empty sequence: the operator has no such input. None: the function checks types itself, and documentation
    says so. `families` are those of fieldwren.ops.variants that the function chooses from.
    """

    def register(function: Lower) -> Lower:
        @functools.wraps(function)
        def checked(ctx: Lowering, op: Operator) -> None:
            if dtypes:
                ctx.require_dtype(op, ctx.input(op, dtype_of), *dtypes)
            function(ctx, op)

        for name in names:
            if name in _LOWER:
                raise BadInputError(
                    f"{function.__module__}: {name} has a lowering already, in {_LOWER[name].__module__}"
                )
            _LOWER[name] = checked
            _DTYPES[name] = None if dtypes is None else tuple(dtypes)
            _FAMILIES[name] = tuple(families)
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

    for module in pkgutil.walk_packages(package.__path__, "fieldwren.ops."):
        importlib.import_module(module.name)
    for entry in entry_points(group=ENTRY_POINTS):
        try:
            entry.load()
        except Exception as error:  # whatever a foreign module raises
            raise BadInputError(
                f"the plug-in {entry.name} ({entry.value}) cannot be loaded: {error}: update or uninstall its package"
            ) from error


def lowerings() -> Mapping[str, Lower]:
    """All registered lowerings by operator name."""
    _load()
    return _LOWER


def folders() -> Mapping[str, Fold]:
    """All registered constant folders by operator name."""
    _load()
    return _FOLD


def declared_dtypes() -> Mapping[str, tuple[str, ...] | None]:
    """The types that each lowering of an operator of model files accepts, as it was registered; see `lowers`."""
    _load()
    return {name: dtypes for name, dtypes in _DTYPES.items() if name not in INTERNAL}


def declared_families() -> Mapping[str, tuple[str, ...]]:
    """The families of variants that each lowering chooses from, as it was registered."""
    _load()
    return _FAMILIES
