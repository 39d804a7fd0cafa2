"""The stack of an app's image is large enough, whatever way it takes: GCC's own call graph and frame sizes."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import pytest

from fieldwren.app import load_app
from fieldwren.app_streaming import load_device_app
from fieldwren.boards import build, load_board, write_project
from fieldwren.render.app import app_sources
from support import CHECKOUT, require_tool

INTERRUPTS = ("fw_link_isr", "fw_audio_isr", "fw_tick_isr")
FRAME_BYTES = {"cortex-m0": 32 + 4, "cortex-m4": 104 + 4}
"""What the processor itself pushes, with floating-point registers where it has them, and to align by 8."""
LIBRARY_BYTES = 64
"""More than any function of the compiler's library or newlib's that the firmware calls takes for itself."""
KNOWN_LIBRARY = re.compile(r"__aeabi_\w+|__clz\w+|__\w+(si|di|sf|df)\w*|mem\w+|str\w+")

_NODE = re.compile(r'^node: \{ title: "([^"]+)" label: "[^"]*?(\d+) bytes \((\w+)\)')
_EDGE = re.compile(r'^edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"')


class CallGraph:
    """Frames and calls of all functions in a build folder; static functions are named FILE:NAME."""

    def __init__(self, folder: Path) -> None:
        self.frames: dict[str, int] = {}
        self.calls: dict[str, set[str]] = defaultdict(set)
        self.unbounded: set[str] = set()
        self.outside: set[str] = set()
        for file in folder.rglob("*.ci"):
            for line in file.read_text().splitlines():
                if node := _NODE.match(line):
                    self.frames[node[1]] = max(self.frames.get(node[1], 0), int(node[2]))
                    if node[3] != "static":
                        self.unbounded.add(node[1])
                elif edge := _EDGE.match(line):
                    self.calls[edge[1]].add(edge[2])

    def named(self, name: str) -> list[str]:
        return [title for title in self.frames if title.rpartition(":")[2] == name]

    def deepest(self, title: str, above: tuple[str, ...] = ()) -> int:
        assert title not in above, f"recursion: {' > '.join((*above, title))}"
        if title not in self.frames:
            self.outside.add(title)
            return LIBRARY_BYTES
        below = [self.deepest(called, (*above, title)) for called in self.calls[title]]
        return self.frames[title] + max(below, default=0)


@pytest.mark.slow
@pytest.mark.parametrize(("board_id", "example"), [("nrf52840dk", "digits"), ("microbit", "presence")])
def test_the_deepest_way_through_an_app_fits_its_stack(
    board_id: str, example: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_tool("arm-none-eabi-gcc")
    monkeypatch.setenv("FIELDWREN_CACHE", str(tmp_path / "cache"))  # a cached object comes without its call graph
    board = load_board(board_id)
    sources = app_sources(*load_device_app(load_app(CHECKOUT / "examples" / example), board), board)
    flags = (*(sources.optimise_flags or ("-O2",)), "-fcallgraph-info=su")
    project = write_project(replace(sources, optimise_flags=flags), board, tmp_path / "p", standalone=False)
    image = build(project)
    graph = CallGraph(project.directory / ".pio")
    (main,) = graph.named("main")
    interrupts = [graph.deepest(title) for name in INTERRUPTS for title in graph.named(name)]
    # All interrupts have one priority: none interrupts another.
    bound = graph.deepest(main) + max(interrupts) + FRAME_BYTES[board.core.cpu]
    assert not graph.unbounded
    unknown = [name for name in graph.outside if not KNOWN_LIBRARY.fullmatch(name) and not name.startswith("fw_")]
    assert not unknown, unknown
    assert 500 < bound < image.stack_bytes, f"{bound} bytes at the deepest"
    print(f"{board_id}: {bound} of {image.stack_bytes} bytes")
