"""Budgets: measured by the planner before training, refused with figure, limit and what takes the most."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fieldwren.boards import load_board
from fieldwren.check import check
from fieldwren.errors import BadInputError, OverBudgetError
from fieldwren.train.budget import PRESETS, Budget, check_budget, merged, needs, preset
from support import require_module

require_module("tensorflow")

from fieldwren.train import fit, models  # noqa: E402 - TensorFlow may be absent
from fieldwren.train.zoo import build, tables  # noqa: E402


@pytest.fixture(scope="module")
def content() -> bytes:
    """A small untrained ds_cnn, quantised with noise."""
    fit.prepare(0)
    table = tables.DsCnn(channels=8, blocks=1)
    model = build.build(table, (49, 10, 1), 12)
    return build.to_int8(table, model, np.random.default_rng(0).normal(0, 3, (4, 49, 10, 1)).astype(np.float32))


def test_needs_are_those_of_check(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "m.tflite").write_bytes(content)
    checked = check(tmp_path / "m.tflite", "microbit")
    made, _ = needs(content, 100, 500.0, "microbit")
    assert (made.flash_bytes, made.ram_bytes) == (checked.flash_bytes, checked.ram_bytes)
    assert made.macs_per_second == 2 * checked.macs
    assert needs(content, 100, 500.0, None)[0].flash_bytes is None


def test_what_is_over_is_said_with_figure_limit_and_contributors(content: bytes) -> None:
    made = check_budget(PRESETS["dcase"], "ds_cnn", content, 1000, 1000.0)
    assert made.params == 1000
    with pytest.raises(
        OverBudgetError, match=r"ds_cnn needs 128,001 parameters and the budget is 128,000; the most goes"
    ) as e:
        check_budget(PRESETS["dcase"], "ds_cnn", content, 128_001, 1000.0)
    assert e.value.exit_code == 1
    narrow = Budget(macs_per_second=1000, ram_bytes=1000, board="microbit")
    with pytest.raises(OverBudgetError) as both:
        check_budget(narrow, "ds_cnn", content, 1, 1000.0)
    text = str(both.value)
    assert "multiply-accumulates a second and the budget is 1,000; the most goes to CONV_2D" in text
    assert (
        f"{needs(content, 1, 1000.0, 'microbit')[0].ram_bytes:,} bytes of RAM on microbit and the budget is 1,000"
        in text
    )


def test_a_boards_own_memory_is_a_limit(content: bytes) -> None:
    fit.prepare(0)
    table = tables.DsCnn(channels=128, blocks=2)
    model = build.build(table, (98, 10, 1), 12)
    noise = np.random.default_rng(0).normal(0, 3, (2, 98, 10, 1)).astype(np.float32)
    large = build.to_int8(table, model, noise)
    has = load_board("microbit").memory
    assert has is not None
    with pytest.raises(OverBudgetError, match=f"bytes of RAM on microbit and the budget is {has.ram.bytes:,}"):
        check_budget(Budget(board="microbit"), "ds_cnn", large, 1, 1000.0)
    check_budget(Budget(board="nrf52840dk"), "ds_cnn", large, models.parameters(model), 1000.0)


def test_limits_merge_to_the_narrower() -> None:
    both = merged(Budget(params=5, flash_bytes=9, board="microbit"), Budget(params=7, macs_per_second=3))
    assert both == Budget(params=5, macs_per_second=3, flash_bytes=9, board="microbit")
    assert merged(None, None) is None
    assert merged(None, None, "microbit") == Budget(board="microbit")
    assert merged(both, None, "nrf52840dk").board == "nrf52840dk"  # type: ignore[union-attr]
    with pytest.raises(BadInputError, match="choose one of dcase"):
        preset("mlperf")


def test_bytes_without_a_board_are_refused(content: bytes) -> None:
    with pytest.raises(BadInputError, match="name it"):
        check_budget(Budget(flash_bytes=1), "ds_cnn", content, 1, 1000.0)
