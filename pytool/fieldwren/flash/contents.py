"""What an image puts into the flash, as the files that uploaders take."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fieldwren.boards import Image
from fieldwren.boards.image import flash_contents


@dataclass(frozen=True)
class Contents:
    """The bytes of the flash from `address` on; gaps are zero."""

    address: int
    data: bytes


def contents_of(image: Image) -> Contents:
    """What the image's ELF file puts into the flash."""
    from elftools.elf.elffile import ELFFile

    with image.elf.open("rb") as stream:
        file = ELFFile(stream)
        starts = [s["p_paddr"] for s in file.iter_segments() if s["p_type"] == "PT_LOAD" and s["p_filesz"] > 0]
        return Contents(min(starts, default=0), flash_contents(file))


def flat_binary(image: Image) -> Path:
    """The contents of the flash as a file, beside the ELF file they are read from."""
    path = image.elf.with_suffix(".bin")
    path.write_bytes(contents_of(image).data)
    return path
