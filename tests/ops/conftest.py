"""Builds the sanitised executor before the first operator test: a C error is reported once and in full."""

from __future__ import annotations

import pytest

from ops.harness import executor


@pytest.fixture(scope="session", autouse=True)
def _executor_is_built() -> None:
    executor()
