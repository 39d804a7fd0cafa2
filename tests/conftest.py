"""Fixtures for the whole suite; helpers for absent tools and data are in support.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from support import require_data

pytest_plugins = ["budget", "pytester"]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Root of the data kept beside the project (models/, goldens/, features/, audio/, presence/)."""
    return require_data()
