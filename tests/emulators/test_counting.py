"""Counted instructions against code whose instructions are known, and the decoder against binutils."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from fieldwren.boards import Image, build, load_board, write_project
from fieldwren.emulators import count_instructions, thumb
from fieldwren.errors import BadInputError
from fieldwren.sources import Sources
from support import require_tool

PROGRAMS = Path(__file__).parent / "programs"

pytestmark = pytest.mark.emulator


def built(board_id: str, program: str, folder: Path) -> Image:
    board = load_board(board_id)
    require_tool(f"{board.toolchain.prefix}gcc")
    require_tool("qemu-system-arm")
    return build(write_project(Sources({"main.c": (PROGRAMS / program).read_bytes()}), board, folder))


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    return built("mps2-an386", "count.c", tmp_path_factory.mktemp("count") / "p")


def test_classes_cycles_and_functions(image: Image) -> None:
    """counted(4) and counted(1): two calls, five turns."""
    counts = count_instructions(image, "counted")
    assert counts.calls == 2
    # A call: push, adr, bl, pop and inner's two; a turn: ldm, ldrd, udiv, subs, bne.
    assert counts.instructions == 2 * 6 + 5 * 5
    assert counts.functions == {"counted": 2 * 4 + 5 * 5, "inner": 2 * 2}
    taken = 2 * 3 + 3  # bl, bx and pop of each call; bne at the end of all but the last turn of each
    assert counts.classes == {
        "branch_taken": taken,
        "divide": 5,
        "load_store_multiple": 2 + 5,  # push and ldm; pop branches
        "load_store_pair": 5,
        "other": 2 * 2 + 5 + 2,  # adr and nop of each call, subs of each turn, two bne that fall through
    }
    push, pop, ldm, ldrd, divide, branch = 1 + 4, 1 + 4 + 2, 1 + 3, 3, 12, 3
    a_call = push + 1 + 3 + pop + 1 + 3
    assert counts.cycles_estimated == 2 * a_call + 5 * (ldm + ldrd + divide + 1) + 3 * branch + 2 * 1


def test_it_says_what_it_cannot_count(image: Image) -> None:
    with pytest.raises(BadInputError, match="has no symbol 'gone'"):
        count_instructions(image, "gone")
    with pytest.raises(BadInputError, match="fw_fault was never called"):
        count_instructions(image, "fw_fault")
    with pytest.raises(BadInputError, match="fw_port_exit did not return before the image ended"):
        count_instructions(image, "fw_port_exit")


MULTIPLE = re.compile(r"(push|pop|ldm|stm|vpush|vpop|vldm|vstm)")
CONDITION = r"(eq|ne|cs|cc|mi|pl|vs|vc|hi|ls|ge|lt|gt|le|al)?(\.w|\.n)?"


def expected(mnemonic: str, operands: str) -> thumb.Kind:
    if MULTIPLE.match(mnemonic):
        return thumb.Kind.MULTIPLE
    if re.fullmatch(f"(ldrd|strd){CONDITION}", mnemonic):
        return thumb.Kind.PAIR
    if re.fullmatch(f"[su]div{CONDITION}", mnemonic):
        return thumb.Kind.DIVIDE
    # binutils writes a push or pop of one register as the store or load it really is, or the other way round.
    return thumb.Kind.OTHER


def registers(operands: str) -> int:
    """How many words a register list moves: {r0-r3, lr}, {s0-s5}, {d8-d9} (two words each)."""
    words = 0
    names = ["sp", "lr", "pc"]
    for part in operands[operands.index("{") + 1 : operands.index("}")].split(","):
        first, _, last = part.strip().partition("-")
        number = {name: 13 + i for i, name in enumerate(names)} | {"ip": 12, "fp": 11, "sl": 10, "r9": 9}
        low, high = (number.get(name) or int(name.strip("rsd")) for name in (first, last or first))
        words += (high - low + 1) * (2 if first.startswith("d") else 1)
    return words


@pytest.mark.parametrize("multilib", ["thumb/v7e-m+fp/hard", "thumb/v6-m/nofp", "thumb/v7-m/nofp"])
def test_decoder_agrees_with_binutils_on_the_c_library(multilib: str) -> None:
    """Some ten thousand instructions of newlib and its mathematics, as objdump shows them."""
    compiler = require_tool("arm-none-eabi-gcc")
    library = subprocess.run([compiler, "-print-file-name=libm.a"], capture_output=True, text=True, check=True)
    archive = Path(library.stdout.strip()).parent / multilib / "libm.a"
    listing = subprocess.run(["arm-none-eabi-objdump", "-d", archive], capture_output=True, text=True, check=True)
    seen = 0
    for line in listing.stdout.splitlines():
        match = re.match(r"\s+[0-9a-f]+:\t([0-9a-f]{4})(?: ([0-9a-f]{4}))?\s*\t(\S+)\s*([^@;]*)", line)
        if not match or match.group(3).startswith("."):
            continue
        first, second, mnemonic, operands = match.groups()
        code = bytes.fromhex(first)[::-1] + (bytes.fromhex(second)[::-1] if second else b"")
        decoded = thumb.decode(code, 0)
        assert decoded.nbytes == len(code), line
        assert decoded.kind is expected(mnemonic, operands), line
        if decoded.kind is thumb.Kind.MULTIPLE:
            assert decoded.words == registers(operands), line
        seen += 1
    assert seen > 10_000
