"""A built firmware image and what its ELF file says about sizes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from fieldwren.boards.project import Project
from fieldwren.errors import BadInputError

if TYPE_CHECKING:
    from elftools.elf.elffile import ELFFile

STACK_SECTION = ".fw_stack"
WEIGHTS_START = "__fw_weights_start"
WEIGHTS_END = "__fw_weights_end"


@dataclass(frozen=True)
class Symbol:
    """A function or object of the image; a Thumb function's address is given without the mode bit."""

    name: str
    address: int
    bytes: int
    kind: str


@dataclass(frozen=True)
class Image:
    """One linked image. Sizes are bytes.

    `flash_bytes` is what the image occupies in the flash (code, constants, initial values of data);
    `ram_static_bytes` is data and bss without the stack's region, which is `stack_bytes`; `weights_bytes` is the
    part of `flash_bytes` in sections named `.rodata.fw_weights*` (`None` on the host, whose linker does not keep
    them apart). `sha256` is that of the flash contents, or of the executable on the host.
    """

    project: Project
    elf: Path
    sha256: str
    flash_bytes: int
    ram_static_bytes: int
    stack_bytes: int
    weights_bytes: int | None
    sections: Mapping[str, int] = field(repr=False)
    symbols: tuple[Symbol, ...] = field(repr=False)

    @property
    def code_bytes(self) -> int | None:
        """The flash without the weights."""
        return None if self.weights_bytes is None else self.flash_bytes - self.weights_bytes

    def symbol(self, name: str) -> Symbol:
        """The symbol of that name. Raises BadInputError when the image has none."""
        for symbol in self.symbols:
            if symbol.name == name:
                return symbol
        raise BadInputError(f"{self.elf}: has no symbol {name!r}")


def read_image(project: Project, elf: Path) -> Image:
    """Reads sizes and symbols of a linked ELF file."""
    from elftools.common.exceptions import ELFError
    from elftools.elf.constants import SH_FLAGS
    from elftools.elf.elffile import ELFFile

    content = elf.read_bytes()
    with elf.open("rb") as stream:
        try:
            file = ELFFile(stream)
        except ELFError as error:
            raise BadInputError(f"{elf}: not an ELF file: {error}") from error
        sections = {}
        flash_bytes = ram_static_bytes = stack_bytes = 0
        for section in file.iter_sections():
            flags, size = section["sh_flags"], section["sh_size"]
            if not flags & SH_FLAGS.SHF_ALLOC or size == 0:
                continue
            sections[section.name] = size
            if section.name == STACK_SECTION:
                stack_bytes = size
                continue
            if section["sh_type"] != "SHT_NOBITS":
                flash_bytes += size
            if flags & SH_FLAGS.SHF_WRITE:
                ram_static_bytes += size
        symbols = _symbols(file)
        flat = flash_contents(file) if project.board.memory is not None else content
    named = {symbol.name: symbol.address for symbol in symbols}
    has_weights = WEIGHTS_START in named and WEIGHTS_END in named
    return Image(
        project=project,
        elf=elf,
        sha256=hashlib.sha256(flat).hexdigest(),
        flash_bytes=flash_bytes,
        ram_static_bytes=ram_static_bytes,
        stack_bytes=stack_bytes,
        weights_bytes=named[WEIGHTS_END] - named[WEIGHTS_START] if has_weights else None,
        sections=sections,
        symbols=symbols,
    )


def _symbols(file: ELFFile) -> tuple[Symbol, ...]:
    from elftools.elf.sections import SymbolTableSection

    table = file.get_section_by_name(".symtab")
    if not isinstance(table, SymbolTableSection):
        return ()
    thumb = file["e_machine"] == "EM_ARM"
    found = []
    for symbol in table.iter_symbols():
        kind = symbol["st_info"]["type"]
        if not symbol.name or symbol["st_shndx"] == "SHN_UNDEF" or kind in {"STT_SECTION", "STT_FILE"}:
            continue
        address = symbol["st_value"]
        if thumb and kind == "STT_FUNC":
            address &= ~1
        found.append(Symbol(symbol.name, address, symbol["st_size"], kind.removeprefix("STT_").lower()))
    return tuple(sorted(found, key=lambda s: (s.address, s.name)))


def flash_contents(file: ELFFile) -> bytes:
    """The loadable segments at their load addresses, gaps filled with zero: what `objcopy -O binary` writes."""
    segments = [s for s in file.iter_segments() if s["p_type"] == "PT_LOAD" and s["p_filesz"] > 0]
    if not segments:
        return b""
    start = min(s["p_paddr"] for s in segments)
    end = max(s["p_paddr"] + s["p_filesz"] for s in segments)
    flat = bytearray(end - start)
    for segment in segments:
        offset = segment["p_paddr"] - start
        flat[offset : offset + segment["p_filesz"]] = segment.data()
    return bytes(flat)
