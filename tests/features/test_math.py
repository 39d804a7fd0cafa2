"""fw_logf, fw_expf and fw_sqrtf against float64; the bounds are those of fw_math.h."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from fieldwren.native import library

Float32 = npt.NDArray[np.float32]


def c_function(name: str) -> Callable[[Float32], Float32]:
    function = getattr(library(), name)
    function.restype, function.argtypes = ctypes.c_float, (ctypes.c_float,)
    return lambda values: np.array([function(v) for v in values.tolist()], np.float32)


def floats(first_bits: int, last_bits: int, count: int) -> Float32:
    """Floats whose bit patterns are spread evenly, so that every exponent is met."""
    return np.linspace(first_bits, last_bits, count).astype(np.uint32).view(np.float32)


def errors_ulp(values: Float32, exact: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Distance from the exact value in units of the exact value's last place (subnormal: of the smallest float)."""
    exponent = np.maximum(np.frexp(exact)[1], -125)
    return np.asarray(np.abs(values.astype(np.float64) - exact) / np.ldexp(1.0, exponent - 24))


def test_logarithm() -> None:
    x = np.concatenate([floats(1, 0x7F7FFFFF, 60_000), floats(0x3F000000, 0x3FC00000, 60_000)])
    assert errors_ulp(c_function("fw_logf")(x), np.log(x.astype(np.float64))).max() < 0.84


def test_exponential() -> None:
    positive = floats(0x2F000000, 0x42B17217, 60_000)
    x = np.concatenate([positive, -floats(0x2F000000, 0x42CF0000, 60_000)])
    assert errors_ulp(c_function("fw_expf")(x), np.exp(x.astype(np.float64))).max() < 1.01


@pytest.mark.parametrize("name", ["fw_sqrtf", "fw_sqrtf_soft"])
def test_square_root_is_correctly_rounded(name: str) -> None:
    x = np.concatenate([floats(0, 0x7F800000, 60_000), np.arange(1, 20_000, dtype=np.float32) ** 2])
    np.testing.assert_array_equal(c_function(name)(x).view(np.uint32), np.sqrt(x).view(np.uint32))


@pytest.mark.parametrize(
    ("name", "argument", "result"),
    [
        ("fw_logf", 0.0, -np.inf),
        ("fw_logf", -0.0, -np.inf),
        ("fw_logf", 1.0, 0.0),
        ("fw_logf", np.inf, np.inf),
        ("fw_logf", -1.0, np.nan),
        ("fw_logf", -np.inf, np.nan),
        ("fw_logf", np.nan, np.nan),
        ("fw_expf", 0.0, 1.0),
        ("fw_expf", np.inf, np.inf),
        ("fw_expf", 88.73, np.inf),
        ("fw_expf", -np.inf, 0.0),
        ("fw_expf", -104.5, 0.0),
        ("fw_expf", np.nan, np.nan),
        ("fw_sqrtf_soft", -1.0, np.nan),
        ("fw_sqrtf_soft", np.nan, np.nan),
        ("fw_sqrtf_soft", -0.0, -0.0),
        ("fw_sqrtf", -1.0, np.nan),
        ("fw_sqrtf", -0.0, -0.0),
    ],
)
def test_special_values(name: str, argument: float, result: float) -> None:
    got = c_function(name)(np.array([argument], np.float32))
    np.testing.assert_array_equal(got, np.array([result], np.float32))
    assert bool(np.signbit(got[0])) == bool(np.signbit(result)) or np.isnan(result)
