"""docs/operators.md, written from the registrations of the lowerings."""

from __future__ import annotations

import re
from pathlib import Path

from fieldwren.graph import DTYPES
from fieldwren.ops.registry import ANY, INTERNAL, declared_dtypes, declared_families, folders, lowerings
from fieldwren.ops.variants import variants

_HEAD = """# Operators

This page is written by `make docs` from the registrations in `pytool/fieldwren/ops`.

All results are those of TensorFlow Lite Micro's reference kernels, bit for bit. The type is that of the operator's
data input; a lowering is registered with its types, and refuses others by name before anything else. `tests/ops/test_types.py`
runs every operator of this page with every type, here and in the reference: what is declared compiles and is exact,
what is not is refused, and what the reference runs beyond that is listed there with the reason.

| operator | types | variants besides portable C | tested in |
|---|---|---|---|
"""

_TAIL = """
"any" is {any}: operators that move elements. The reference has fewer types for some of them.

## Also

- **Constants are folded**: an operator whose inputs are known is computed when the model is compiled, by the kernels
  that would run, where the result is small. SHAPE and what follows from
  it (STRIDED_SLICE, PACK, RESHAPE …) leave no call.
- **Weights of four bits** (int4) are read as int8.
- **Float32** is exact where it is at all: at the ends of int8 models. Networks of float32 are refused (`fieldwren
  convert`). Exponential, logarithm, sine, cosine, TANH and ELU give the bits of the C libraries that the reference is
  linked with (glibc up to 2.40, newlib).
- **States**: VAR_HANDLE, READ_VARIABLE, ASSIGN_VARIABLE and CALL_ONCE, the states of SVDF and
  UNIDIRECTIONAL_SEQUENCE_LSTM, CIRCULAR_BUFFER and the signal operators are set back by `reset`.
- **CIRCULAR_BUFFER** with a period runs the rest of the model every so many inferences; in between the outputs keep
  their values.
- **Refused**: IF, WHILE, uint8 networks, shuffled, sparse or compressed weights, dynamic shapes, and custom operators
  without a lowering. A package can bring one: [examples/custom-operator](../examples/custom-operator/README.md).
- **Where**: every test in the table runs fw_run, built with AddressSanitizer and UBSan, against the interpreter of the
  `tflite-micro` package. Rendered C runs in the emulators: whole models in `tests/emulators/test_models.py`, the
  kernels with DSP instructions in `tests/emulators/test_dsp_kernels.py`.
"""


_GENERAL = ("test_types.py", "test_hostile.py")
"""Tests of all operators."""


def operators_page(tests: Path) -> str:
    """The whole page; `tests` is the folder whose ops/ mirrors the lowerings."""
    own = {name: lower for name, lower in lowerings().items() if lower.__module__.startswith("fieldwren.")}
    rows = [_row(name, own[name].__module__, tests) for name in sorted(set(own) - INTERNAL, key=str.casefold)]
    rows += [_folded(name, tests) for name in sorted(set(folders()) - set(own))]
    table = "".join(f"| {' | '.join(row)} |\n" for row in sorted(rows, key=lambda row: row[0].casefold()))
    tail = _TAIL.format(any=", ".join(DTYPES))
    return _HEAD + table + tail


def _row(name: str, module: str, tests: Path) -> tuple[str, ...]:
    dtypes = declared_dtypes()[name]
    if dtypes is None:
        raise RuntimeError(f"the lowering of {name} is registered without types")
    types = "any" if dtypes == ANY else ", ".join(dtypes)
    families = declared_families()[name]
    made = {f"{v.name} ({v.needs})": None for family in families for v in variants(family) if v.needs != "portable"}
    return f"`{name}`", types, "; ".join(made), _tests(name, module, tests)


def _folded(name: str, tests: Path) -> tuple[str, ...]:
    return f"`{name}`", "any (folded)", "", _tests(name, folders()[name].__module__, tests)


def _tests(name: str, module: str, tests: Path) -> str:
    """The tests that mirror the module, or else those that name the operator; there is at least one."""
    stem = module.rpartition(".")[2]
    mirrors = re.compile(rf"test_{stem}(_s16|_f32)?\.py")
    found = sorted(path.name for path in (tests / "ops").glob("test_*.py") if mirrors.fullmatch(path.name))
    if not found:
        texts = {path.name: path.read_text(encoding="utf-8") for path in sorted((tests / "ops").glob("test_*.py"))}
        found = [file for file, text in texts.items() if f'"{name}"' in text and file not in _GENERAL]
    if not found:
        raise RuntimeError(f"no test names {name}: {module} needs a tests/ops/test_{stem}.py")
    return ", ".join(f"`{file}`" for file in found)
