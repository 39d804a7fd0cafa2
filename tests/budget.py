"""pytest plugin: names the tests that took longer than the suite's budget for a single test.

Over the budget is a warning at the end of the run, because a busy machine can stretch any test; what never
ends is stopped by pytest-timeout (`timeout` in pyproject.toml).
"""

from __future__ import annotations

import os

import pytest

BUDGET_S = float(os.environ.get("FIELDWREN_TEST_BUDGET_S", "20"))


class Budget:
    """Adds up set-up, call and tear-down of each test; runs in the controlling process under xdist."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[report.nodeid] = self.seconds.get(report.nodeid, 0.0) + report.duration

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        over = sorted(((s, name) for name, s in self.seconds.items() if s > BUDGET_S), reverse=True)
        if over:
            terminalreporter.section(f"over the budget of {BUDGET_S:g} s for one test", sep="=", yellow=True)
            for seconds, name in over:
                terminalreporter.line(f"{seconds:7.2f}s {name}")


def pytest_configure(config: pytest.Config) -> None:
    if "long" not in (config.getoption("markexpr") or "").replace("not long", ""):
        config.pluginmanager.register(Budget(), "fieldwren-budget")
