"""Absent things skip by name, and fail where CI forbids skipping."""

from __future__ import annotations

from pathlib import Path

import pytest

import support


@pytest.fixture
def relaxed(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.delenv("FIELDWREN_REQUIRE", raising=False)
    monkeypatch.delenv("FIELDWREN_REQUIRE_RENODE", raising=False)
    return monkeypatch


def test_a_missing_tool_skips_by_name(relaxed: pytest.MonkeyPatch) -> None:
    with pytest.raises(pytest.skip.Exception, match="no-such-compiler is not installed"):
        support.require_tool("no-such-compiler")


def test_a_missing_tool_fails_in_ci(relaxed: pytest.MonkeyPatch) -> None:
    relaxed.setenv("FIELDWREN_REQUIRE", "1")
    with pytest.raises(pytest.fail.Exception, match="no-such-compiler"):
        support.require_tool("no-such-compiler")


def test_renode_has_its_own_switch(relaxed: pytest.MonkeyPatch) -> None:
    relaxed.setenv("PATH", "")
    relaxed.setenv("FIELDWREN_REQUIRE", "1")
    with pytest.raises(pytest.skip.Exception, match="renode"):
        support.require_tool("renode")
    relaxed.setenv("FIELDWREN_REQUIRE_RENODE", "1")
    with pytest.raises(pytest.fail.Exception, match="renode"):
        support.require_tool("renode")


def test_a_present_tool_is_an_absolute_path() -> None:
    assert support.require_tool("sh").is_absolute()


def test_data_are_found_through_the_environment(relaxed: pytest.MonkeyPatch, tmp_path: Path) -> None:
    relaxed.setenv("FIELDWREN_DATA", str(tmp_path))
    (tmp_path / "models").mkdir()
    assert support.require_data("models") == tmp_path / "models"
    with pytest.raises(pytest.skip.Exception, match=r"models/a\.tflite"):
        support.require_data("models", "a.tflite")


def test_a_broken_module_is_not_an_absent_one(relaxed: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "broken_module.py").write_text("import surely_not_installed\n")
    relaxed.syspath_prepend(str(tmp_path))
    with pytest.raises(ModuleNotFoundError, match="surely_not_installed"):
        support.require_module("broken_module")
    with pytest.raises(pytest.skip.Exception, match="surely_not_installed"):
        support.require_module("surely_not_installed")


@pytest.mark.parametrize(("budget_s", "named"), [("0.05", True), ("20", False)])
def test_slow_tests_are_named_at_the_end(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, budget_s: str, named: bool
) -> None:
    monkeypatch.setenv("FIELDWREN_TEST_BUDGET_S", budget_s)
    monkeypatch.setenv("PYTHONPATH", str(support.CHECKOUT / "tests"))
    pytester.makepyfile("import time\ndef test_slow(): time.sleep(0.1)\ndef test_quick(): pass\n")
    result = pytester.runpytest_subprocess("-p", "budget", "-p", "no:cacheprovider")
    assert result.ret == 0
    output = result.stdout.str()
    assert ("over the budget" in output) is named
    assert ("::test_slow" in output) is named
    assert "::test_quick" not in output
