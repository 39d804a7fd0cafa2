"""docs/link.md: its sessions happen just so, and it names what there is."""

from __future__ import annotations

import re
import time
import zlib

import pytest

from fieldwren.device import DeviceClient
from fieldwren.device.transport import ProcessTransport
from support import CHECKOUT

PAGE = (CHECKOUT / "docs/link.md").read_text()
SESSIONS = re.findall(r"```session\n(.*?)```", PAGE, re.DOTALL)
ERRORS = PAGE[PAGE.index("### Errors") : PAGE.index("## Lines from the device")]
ERROR_CODES = set(re.findall(r"^\| `(\w+)` \| ", ERRORS, re.MULTILINE))


def talk(device: ProcessTransport, lines: list[str]) -> list[str]:
    """Sends lines as a person would and gives what comes back within a moment."""
    for line in lines:
        device.write(line.encode() + b"\n")
    heard = b""
    deadline = time.monotonic() + 5
    while heard.count(b"\n") < len(lines) + 1 and time.monotonic() < deadline:
        heard += device.read(65536, 0.2)
    return heard.decode().splitlines()


@pytest.mark.parametrize("number", range(len(SESSIONS)))
def test_the_sessions_happen_just_so(keyword: ProcessTransport, number: int) -> None:
    lines = SESSIONS[number].splitlines()
    said = [line[2:] for line in lines if line.startswith("> ")]
    expected = [line[2:] for line in lines if line.startswith("< ")]
    for command in said:
        text, star, crc = command.partition(" *")
        assert not star or crc == f"{zlib.crc32(text.encode()):08x}", f"{text} *{zlib.crc32(text.encode()):08x}"
    heard = talk(keyword, said)
    if said:
        heard = heard[1:]  # the first line after boot
    assert len(heard) == len(expected)
    for line, pattern in zip(heard, expected, strict=True):
        assert re.fullmatch(re.escape(pattern).replace("…", ".*"), line), line


LEARNING = "### Commands of apps that learn"
FLEETS = "### Commands of members of a fleet"
EVERYWHERE, LEARNED = PAGE.split(LEARNING)
LEARNED, FEDERATED = LEARNED.split(FLEETS)


def commands_of(part: str) -> set[str]:
    return {
        word
        for cell in re.findall(r"^\| (`.*?`) \| (?:yes)? ?\|", part, re.MULTILINE)
        for word in re.findall(r"`(\w+)", cell)
    }


def test_all_commands_are_there(keyword: ProcessTransport) -> None:
    usages = DeviceClient(keyword).commands()
    assert {usage.split()[0] for usage in usages} == commands_of(EVERYWHERE)


def test_all_commands_of_apps_that_learn_are_there(learning: ProcessTransport) -> None:
    usages = DeviceClient(learning).commands()
    assert {usage.split()[0] for usage in usages} == commands_of(EVERYWHERE) | commands_of(LEARNED)


def test_all_commands_of_members_of_fleets_are_there(member: ProcessTransport) -> None:
    usages = DeviceClient(member).commands()
    known = commands_of(EVERYWHERE) | commands_of(LEARNED) | commands_of(FEDERATED)
    assert {usage.split()[0] for usage in usages} == known


def test_all_error_codes_are_there() -> None:
    used = set()
    for path in [*(CHECKOUT / "firmware/app").glob("*.c"), *(CHECKOUT / "firmware/link").glob("*.c")]:
        used |= set(re.findall(r'(?:fw_link_error|put_error|broken_line)\([^;]+?,\s*"(\w+)",', path.read_text()))
    assert used == ERROR_CODES


def test_the_numbers_are_the_firmwares() -> None:
    header = (CHECKOUT / "firmware/include/fw_link.h").read_text()
    for name, number in re.findall(r"FW_FRAME_(\w+) = 0x([0-9A-F]{2})", header):
        assert f"`0x{number}` {name}" in PAGE
    statuses = re.findall(r"FW_ACK_(\w+) = (\d)", header)
    assert len(statuses) == 7
    for name, number in statuses:
        assert re.search(rf"^\| {number} \| {name} \|", PAGE, re.MULTILINE)


def protected() -> list[str]:
    """What the tables say needs a session, each command once, with its shortest form."""
    cells = re.findall(r"^\| (`.*?`) \| yes \|", LEARNED + FEDERATED, re.MULTILINE)
    forms = [form.replace("\\|", "|") for cell in cells for form in re.findall(r"`(.*?)`", cell)]
    return [re.sub(r" \[.*\]", "", form).replace("right|wrong", "right") for form in forms]


def test_what_changes_the_learner_is_done_in_sessions_only(member: ProcessTransport) -> None:
    commands = protected()
    assert {"learn calibrate", "teach LABEL", "undo", "fleet adopt", "fleet restore unsent"} <= set(commands)
    for command in commands:
        heard = [line for line in talk(member, [command]) if '"error"' in line or '"ok"' in line]
        assert len(heard) == 1 and '"code":"unprotected"' in heard[0], (command, heard)
