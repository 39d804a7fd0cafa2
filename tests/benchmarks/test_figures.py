"""The figures of docs/benchmarks.json: still true for a sample, guarded against growth, and what the page shows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fieldwren.benchmarks.figures import Figures, measure, merged, models_at_hand, worse
from fieldwren.benchmarks.page import page
from support import CHECKOUT, require_tool

SAMPLE = ("tflm_hello_world", "mlperf_ad01", "mlperf_kws_dscnn")


def checked_in() -> Figures:
    figures = json.loads((CHECKOUT / "docs" / "benchmarks.json").read_text(encoding="utf-8"))
    assert isinstance(figures, dict)
    return figures


def require_the_compilers_of_the_figures(figures: Figures) -> None:
    for name in figures["compilers"]:
        require_tool(name)
    require_tool("qemu-system-arm")
    require_tool("qemu-system-riscv32")


@pytest.mark.emulator
@pytest.mark.slow
@pytest.mark.parametrize("board", ["mps2-an386", "riscv32-virt"])
@pytest.mark.parametrize("name", SAMPLE)
def test_a_sample_is_no_worse_than_the_checked_in_figures(shared_data: Path, name: str, board: str) -> None:
    del shared_data
    new = measured((name,), board, front_ends=False)
    assert new["models"].keys() == {name}


@pytest.mark.emulator
@pytest.mark.slow
def test_front_ends_are_no_worse_than_the_checked_in_figures() -> None:
    assert measured((), "mps2-an386", front_ends=True)["front_ends"]


def measured(names: tuple[str, ...], board: str, *, front_ends: bool) -> Figures:
    """Fresh figures, none of them worse than the checked-in ones."""
    old = checked_in()
    require_the_compilers_of_the_figures(old)
    models = {name: path for name, path in models_at_hand().items() if name in names}
    new = measure(models, boards=(board,), workers=1, front_ends=front_ends)
    found = worse(old, new)
    assert not found, "; ".join(map(str, found)) + " (to take new figures: make bench ACCEPT=1)"
    return new


def figures_of(instructions: int, code: int = 1000) -> Figures:
    made = {"instructions": instructions, "code_bytes": code, "macs": 1, "kinds": {"ADD": 50}}
    return {"compilers": {}, "models": {"m": {"b": made}}, "layers": {}, "front_ends": {}}


def test_two_per_cent_are_the_limit() -> None:
    assert worse(figures_of(1000), figures_of(1020)) == []
    (found,) = worse(figures_of(1000), figures_of(1021))
    assert str(found) == "models/m/b/instructions: 1,000 -> 1,021 (+2.1 %)"
    assert [w.name for w in worse(figures_of(1000), figures_of(900, 1100))] == ["models/m/b/code_bytes"]


def test_what_was_not_measured_stays() -> None:
    new = figures_of(5)
    new["models"] = {"other": {"b": {"instructions": 7}}}
    made = merged(figures_of(1000), new)
    assert made["models"]["m"]["b"]["instructions"] == 1000
    assert made["models"]["other"]["b"]["instructions"] == 7
    assert worse(figures_of(1000), new) == []


def test_the_page_is_that_of_the_figures() -> None:
    assert (CHECKOUT / "docs" / "benchmarks.md").read_text(encoding="utf-8") == page(checked_in())
