"""Embeddings drawn from training data for a model's metadata."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fieldwren import paths
from fieldwren.errors import BadInputError
from fieldwren.train.head import GUARD, REPLAY, stored_head
from support import require_data


def test_stored_head_is_of_the_kept_rooms() -> None:
    """Held-out rooms leave no trace: two rooms without one are that one alone."""
    data = require_data("presence", "occupancy")
    stored = stored_head(paths.examples() / "presence", data, ["datatest"])
    assert {label: rows.shape for label, rows in stored.replay.items()} == {
        "vacant": (REPLAY, 16),
        "occupied": (REPLAY, 16),
    }
    assert {label: len(rows) for label, rows in stored.guard.items()} == {"vacant": GUARD, "occupied": GUARD}
    again = stored_head(paths.examples() / "presence", data, ["datatest"])
    np.testing.assert_array_equal(again.mean, stored.mean)
    both = stored_head(paths.examples() / "presence", data)
    assert not np.array_equal(both.mean, stored.mean)


def test_nothing_left(tmp_path: Path) -> None:
    (tmp_path / "room.txt").symlink_to(require_data("presence", "occupancy", "datatest.txt"))
    with pytest.raises(BadInputError, match="nothing is left without room"):
        stored_head(paths.examples() / "presence", tmp_path, ["room"])
