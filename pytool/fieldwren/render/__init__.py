"""From a Plan and an App to C sources: Jinja templates, exact literals, provenance."""

from __future__ import annotations
