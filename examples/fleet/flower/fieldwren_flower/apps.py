"""The apps are part of fieldwren; Flower looks for them here."""

from fieldwren.fleet.flower.deployment import client, server

__all__ = ["client", "server"]
