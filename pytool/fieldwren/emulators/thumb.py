"""Thumb instructions as far as their cost in the simple cycle model depends on them (Armv7-M ARM, chapter A5)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """Classes of the cycle model."""

    MULTIPLE = "load_store_multiple"
    PAIR = "load_store_pair"
    DIVIDE = "divide"
    OTHER = "other"


@dataclass(frozen=True)
class Instruction:
    """One decoded instruction; `words` is the number of words that a load or store multiple moves."""

    nbytes: int
    kind: Kind
    words: int = 0

    @property
    def cycles(self) -> int:
        """Cost when it does not branch: LDM/STM 1+n, LDRD/STRD 3, divide 12, others 1."""
        if self.kind is Kind.MULTIPLE:
            return 1 + self.words
        return {Kind.PAIR: 3, Kind.DIVIDE: 12, Kind.OTHER: 1}[self.kind]


def decode(code: bytes, offset: int) -> Instruction:
    """The instruction at `offset`. Raises ValueError when the code ends inside it."""
    if offset + 2 > len(code):
        raise ValueError("the code ends inside an instruction")
    first = int.from_bytes(code[offset : offset + 2], "little")
    if first >> 11 not in {0b11101, 0b11110, 0b11111}:
        return _decode_16(first)
    if offset + 4 > len(code):
        raise ValueError("the code ends inside an instruction")
    return _decode_32(first, int.from_bytes(code[offset + 2 : offset + 4], "little"))


def _decode_16(word: int) -> Instruction:
    if word & 0xF600 == 0xB400:  # PUSH, POP; bit 8 adds LR or PC
        return Instruction(2, Kind.MULTIPLE, (word & 0x1FF).bit_count())
    if word & 0xF000 == 0xC000:  # STM, LDM
        return Instruction(2, Kind.MULTIPLE, (word & 0xFF).bit_count())
    return Instruction(2, Kind.OTHER)


def _decode_32(first: int, second: int) -> Instruction:
    if first & 0xFE40 == 0xE800:  # LDM, STM, PUSH.W, POP.W
        return Instruction(4, Kind.MULTIPLE, second.bit_count())
    if first & 0xFE40 == 0xE840 and first & 0x0120:  # LDRD, STRD; with P = W = 0 it is an exclusive or a table branch
        return Instruction(4, Kind.PAIR)
    if first & 0xFE00 == 0xEC00 and second & 0x0E00 == 0x0A00:  # floating-point loads and stores
        index_and_writeback = (first >> 8 & 1, first >> 5 & 1)
        is_transfer = first & 0x01A0 == 0  # P = U = W = 0: VMOV between registers
        if index_and_writeback != (1, 0) and not is_transfer:  # not VLDR or VSTR: VLDM, VSTM, VPUSH, VPOP
            return Instruction(4, Kind.MULTIPLE, second & 0xFF)
    if first & 0xFFD0 == 0xFB90 and second & 0x00F0 == 0x00F0:  # SDIV, UDIV
        return Instruction(4, Kind.DIVIDE)
    return Instruction(4, Kind.OTHER)
