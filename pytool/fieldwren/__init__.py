"""fieldwren: trained model in, firmware that runs and keeps learning out."""

from __future__ import annotations

__version__ = "0.1.0"
