"""Executables that the tests of fleets share with those of the link."""

from __future__ import annotations

from link.conftest import fleet_device, learning_device

__all__ = ["fleet_device", "learning_device"]
