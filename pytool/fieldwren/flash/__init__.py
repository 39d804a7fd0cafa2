"""`fieldwren flash`: an app onto a board, and proof that what runs there is what was meant.

Boards are found by USB id; each tool that writes an image is one class in a file of its own (`uploader.Uploader`).
"""

from __future__ import annotations

from fieldwren.flash.desk import Desk, Drive, Probe, look
from fieldwren.flash.flashing import FlashResult, flash
from fieldwren.flash.listing import Attached, attached

__all__ = ["Attached", "Desk", "Drive", "FlashResult", "Probe", "attached", "flash", "look"]
