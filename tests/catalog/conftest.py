"""Catalogues for tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from support import require_module

if TYPE_CHECKING:
    from fieldwren.catalog import Catalog


@pytest.fixture(autouse=True)
def no_catalogue_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests record nothing but where they say so."""
    monkeypatch.setenv("FIELDWREN_CATALOG", "")


@pytest.fixture
def catalog() -> Iterator[Catalog]:
    """An empty catalogue in memory, with the boards."""
    require_module("pyoxigraph")
    from fieldwren.catalog import Catalog

    with Catalog.in_memory() as opened:
        yield opened
