"""Images around one model: rendered, built with PlatformIO, kept in the cache by the hash of all that goes in."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

from fieldwren import __version__, paths
from fieldwren.boards import Board, Image, Project, build, write_project
from fieldwren.boards.image import read_image
from fieldwren.core import Core, Optimise
from fieldwren.kernel import firmware_folders
from fieldwren.locks import locked
from fieldwren.plan import Plan
from fieldwren.render.environment import Provenance, sources_digest
from fieldwren.render.model import optimise_flags, optimised_sources, render_optimised
from fieldwren.sources import Sources


def core_of(board: Board) -> Core:
    """What lowering must know of the board's processor."""
    return Core(
        name=board.core.cpu,
        dsp="dsp" in board.variants,
        mve="mve" in board.variants,
        packed="packed" in board.variants,
        fpu=board.core.fpu != "none",
    )


def model_sources(
    planned: Plan,
    board: Board,
    personality: str,
    *,
    optimise: Optimise = "balanced",
    layer_hooks: bool = False,
) -> Sources:
    """The model with firmware/personality/`personality`.c around it.

    `exec` feeds it from inputs.bin, `bench` counts its instructions, `core` is start-up and inference alone.
    `layer_hooks` makes exec and bench look at every kernel call.
    """
    provenance = Provenance(model_sha256=planned.program.model_sha256, board=board.id)
    main = f"personality/{personality}.c"
    return Sources(
        files=render_optimised(planned, provenance, optimise),
        firmware=(main, *optimised_sources(planned, optimise)),
        defines={"FW_LAYER_HOOKS": None} if layer_hooks else {},
        optimise_flags=optimise_flags(optimise),
    )


def cached_image(sources: Sources, board: Board) -> Image:
    """Builds `sources` for `board`, or finds the image that the same sources gave before."""
    folder = paths.cache() / "images" / _key(sources, board)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with locked(folder.with_suffix(".lock")):
        elf = folder / "firmware.elf"
        if elf.is_file():
            return read_image(Project(folder, board), elf)
        image = build(write_project(sources, board, folder, standalone=False))
        # Under its final name only once the build has succeeded; the compiler's own files are not needed any more.
        shutil.copy2(image.elf, elf.with_suffix(".new"))
        elf.with_suffix(".new").replace(elf)
        shutil.rmtree(folder / ".pio", ignore_errors=True)
        return replace(image, elf=elf)


def _key(sources: Sources, board: Board) -> str:
    """A hash over generated files, hand-written firmware, board definition and tool version."""
    parts: dict[str, bytes] = {f"src/{name}": content for name, content in sources.files.items()}
    parts["options"] = repr(
        (
            __version__,
            board,
            sources.firmware,
            sorted(sources.defines.items()),
            sources.optimise_flags,
            sources.stack_bytes,
        )
    ).encode()
    for number, root in enumerate((*firmware_folders(), paths.boards())):
        parts |= {f"{number}/{name}": content for name, content in _tree(root).items()}
    return hashlib.sha256(sources_digest(parts)).hexdigest()[:32]


_NOT_IN_IMAGES = ("sizes", "costs", "latency", "peers")
"""Folders of boards/ that only predictions and reports read."""


def _tree(root: Path) -> dict[str, bytes]:
    return {
        f"{root.name}/{path.relative_to(root)}": path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.suffix != ".pyc" and path.parent.name not in _NOT_IN_IMAGES
    }
