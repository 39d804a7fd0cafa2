"""renode/ of a project: platform overlay, script and test suite for boards that Renode runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fieldwren.boards.definition import Board, RenodeMachine
from fieldwren.device.session import PROTOCOLS
from fieldwren.render.environment import Provenance, render

SILENCE_MS = 2000

PRESSES = {"FW_PRESS_RIGHT": "right", "FW_PRESS_WRONG": "wrong", "FW_PRESS_UNDO": "undo", "FW_PRESS_TEACH": "teach"}
"""What firmware/app/buttons.c calls an action of fw_buttons.h."""


@dataclass(frozen=True)
class Heard:
    """What the emulated microphone is fed: 16-bit samples at its rate, and the label that is said in them."""

    pcm: bytes
    label: str


@dataclass(frozen=True)
class Press:
    """A button of the app: its number, where it is, and the action that a press is answered with."""

    number: int
    port: str
    pin: int
    action: str


def renode_files(
    board: Board,
    provenance: Provenance,
    *,
    image: str,
    learns: bool,
    heard: Heard | None = None,
    presses: Sequence[str] = (),
) -> Mapping[str, bytes]:
    """The files by name relative to renode/; none for a board that Renode does not run.

    `image` is the build id that the firmware reports, in hexadecimal; `presses` what the app's buttons do, as
    fw_buttons.h names it.
    """
    renode = board.emulator
    if not isinstance(renode, RenodeMachine) or board.memory is None or board.clock_hz is None:
        return {}
    store = board.memory.store
    context = {
        "board": board.id,
        "renode": renode,
        "clock_hz": board.clock_hz,
        "mips": board.clock_hz // 1_000_000,
        "store": store,
        "page_bytes": store.page_bytes if store else 4096,
        "rate_hz": board.microphone.rate_hz if board.microphone else 0,
        "image": image,
        "learns": learns,
        "presses": [
            Press(number, renode.gpio[button.pin // 32], button.pin % 32, PRESSES[action])
            for number, (button, action) in enumerate(zip(board.buttons, presses, strict=False), start=1)
        ],
        "label": heard.label if heard else "",
        "protocol": max(PROTOCOLS),
    }
    files = {
        f"{board.id}.{suffix}": render(f"renode/{template}.j2", provenance, **context)
        for suffix, template in (("repl", "overlay.repl"), ("resc", "board.resc"), ("robot", "board.robot"))
    }
    if board.microphone is not None:
        silence = bytes(2 * board.microphone.rate_hz * SILENCE_MS // 1000)
        files["audio.pcm"] = heard.pcm if heard else silence
    return files
