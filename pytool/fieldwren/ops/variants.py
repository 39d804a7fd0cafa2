"""Several kernels for one layer: modules register what they have, and the planner picks the cheapest on the core.

    @variant("conv2d_s8", name="1x1", needs="dsp")
    def pointwise(ctx, op, layer) -> bool: ...

A variant gets what the portable lowering has worked out, emits its calls and returns True, or returns False where its
result would not be exact or its kernel does not take the shape. What it costs is not its business: that follows from
the parameters of the calls that it emits (fieldwren.costs).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fieldwren.ops.registry import declared_families

if TYPE_CHECKING:
    from fieldwren.graph import Operator
    from fieldwren.ops.lowering import Lowering


@dataclass(frozen=True)
class Int8Layer:
    """A layer with constant int8 weights, as variants take it.

    `shape` holds the portable kernel's parameters; the input's zero point is folded into `bias`. `weights` are
    [out, kh, kw, in / groups] of a convolution, [channels, kh, kw] of a depthwise one, [out, in] of a fully connected
    one; `multiplier` and `shift` (the reference's) have an entry for each channel.
    """

    shape: Mapping[str, int]
    weights: NDArray[np.int8]
    bias: NDArray[np.int32]
    multiplier: NDArray[np.int32]
    shift: NDArray[np.int8]
    macs: int


Lower = Callable[["Lowering", "Operator", Int8Layer], bool]


@dataclass(frozen=True)
class Variant:
    """One way to lower a layer: `family` names what it computes, `needs` a feature of the core (Core.has)."""

    family: str
    name: str
    needs: str
    lower: Lower


FAMILIES: dict[str, list[Variant]] = {}
"""Registered variants by what they compute."""

_PREFERENCE = ("mve", "dsp", "packed", "portable")


def variant(family: str, *, name: str, needs: str = "portable") -> Callable[[Lower], Lower]:
    """Registers the decorated function as a way to lower layers of `family`."""

    def register(function: Lower) -> Lower:
        FAMILIES.setdefault(family, []).append(Variant(family, name, needs, function))
        return function

    return register


def _rank(made: Variant) -> int:
    """Before anything is measured: what needs most of the core first, a core's own kernels before all."""
    return _PREFERENCE.index(made.needs) if made.needs in _PREFERENCE else -1


def variants(family: str) -> list[Variant]:
    """The ways to lower layers of `family`, the most specialised first."""
    return sorted(FAMILIES[family], key=_rank)


def lower_by_variant(ctx: Lowering, op: Operator, family: str, layer: Int8Layer) -> None:
    """Emits the calls of the variant that costs least on the core."""
    if family not in declared_families()[op.name]:
        raise RuntimeError(f"the lowering of {op.name} is not registered with the family {family}")
    is_fixed = not op.options.get("fieldwren_adapted", False)
    ways = [made for made in variants(family) if ctx.core.has(made.needs) and (is_fixed or made.needs == "portable")]
    ctx.cheapest(op, [(made.name, partial(made.lower, ctx, op, layer)) for made in ways])
