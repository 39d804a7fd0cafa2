"""Where firmware/, templates/, boards/ and examples/ are: in an installed wheel, or in the checkout's root."""

from __future__ import annotations

import os
from pathlib import Path

_PACKAGE = Path(__file__).parent
_CARRIED = _PACKAGE / "_data"


def data_root() -> Path:
    """The folder that holds firmware/, templates/, boards/ and examples/."""
    return _CARRIED if _CARRIED.is_dir() else _PACKAGE.parent.parent


def firmware() -> Path:
    """Hand-written C that generated projects link."""
    return data_root() / "firmware"


def templates() -> Path:
    """Jinja templates."""
    return data_root() / "templates"


def boards() -> Path:
    """Board definitions and the offline PlatformIO platform."""
    return data_root() / "boards"


def examples() -> Path:
    """App folders with trained models."""
    return data_root() / "examples"


def cache() -> Path:
    """A folder for derived files that may be deleted at any time (`FIELDWREN_CACHE`, else the XDG cache)."""
    if "FIELDWREN_CACHE" in os.environ:
        return Path(os.environ["FIELDWREN_CACHE"])
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "fieldwren"


def shared_data() -> Path | None:
    """Data sets and models for training and tests (`FIELDWREN_DATA`, else ../shared/data beside the checkout)."""
    if "FIELDWREN_DATA" in os.environ:
        return Path(os.environ["FIELDWREN_DATA"])
    beside = data_root().parent / "shared" / "data"
    return beside if beside.is_dir() else None
