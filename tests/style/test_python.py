"""Layout, lint and types of the Python code."""

from __future__ import annotations

import subprocess
import sys

import pytest

from support import CHECKOUT, require_module


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(("ruff", "check", "--quiet", "--output-format", "concise", "."), id="ruff"),
        pytest.param(("ruff", "format", "--check", "--quiet", "."), id="format"),
        pytest.param(("mypy",), id="mypy"),
        pytest.param(("mypy", "tools"), id="mypy-tools"),
    ],
)
def test_clean(command: tuple[str, ...]) -> None:
    require_module(command[0])
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        complaints = f"{done.stdout}{done.stderr}".splitlines()
        pytest.fail(
            "\n".join([f"`{' '.join(command)}` (`make format` mends layout):", *complaints[:40]]), pytrace=False
        )
