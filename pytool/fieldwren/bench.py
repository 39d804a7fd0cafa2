"""`fieldwren bench`: what a model costs on a board, counted in the emulator and read off the linked image."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from fieldwren.boards import Board, Image, load_board
from fieldwren.core import Optimise
from fieldwren.emulators import emulator_for
from fieldwren.emulators.counting import count_instructions
from fieldwren.errors import BadInputError, LinkLostError
from fieldwren.full import full_image
from fieldwren.images import cached_image, core_of, model_sources
from fieldwren.ops.lowering import lower
from fieldwren.plan import Plan, plan
from fieldwren.program import Alternative
from fieldwren.tflite import read_model

_RESULT = struct.Struct("<QQ")
_TIMEOUT_S = 600.0


@dataclass(frozen=True)
class LayerCost:
    """Instructions of one kernel call, which kernel the planner chose, and what it chose from.

    `alternatives` begins with the chosen variant, with the instructions that the core's cost table predicts for each.
    """

    operator: int
    name: str
    kernel: str
    output: str
    macs: int
    instructions: int
    alternatives: tuple[Alternative, ...]


@dataclass(frozen=True)
class ImageCost:
    """Sizes of one image in bytes; `ram_bytes` is static memory with the arena, plus the stack that was used.

    In the full image nobody measures the stack: `ram_bytes` has the stack that the linker reserves.
    """

    weights_bytes: int
    code_bytes: int
    ram_bytes: int


@dataclass(frozen=True)
class BenchResult:
    """Cost of one inference. Sizes are those of the `core` image: start-up and invoke.

    `cycles_estimated` is the stated model of fieldwren.emulators.counting, None off Arm. `full` is the image with link,
    detector and app loop, and the learner where the last layer can go on learning (`full_learns`); None for a model that no
    app can feed.
    """

    model: str
    board: str
    optimise: Optimise
    instructions: int
    cycles_estimated: int | None
    macs: int
    weights_bytes: int
    code_bytes: int
    arena_bytes: int
    stack_bytes: int
    ram_bytes: int
    core: ImageCost
    full: ImageCost | None
    full_learns: bool | None
    layers: tuple[LayerCost, ...]


def bench(
    model: str | Path, board: str | Board, *, optimise: Optimise = "balanced", portable: bool = False, full: bool = True
) -> BenchResult:
    """Counts the instructions of one inference (interrupts off) and reads sizes off the image.

    `portable` takes the plain C kernels alone, whatever the core has; `full` builds the image with app loop and link
    too. Raises BadInputError for a board whose emulator cannot count.
    """
    target = board if isinstance(board, Board) else load_board(board)
    if target.emulator is None or target.emulator.kind != "qemu":
        raise BadInputError(
            f"{target.id}: instructions are counted in QEMU, and this board does not run there: choose mps2-an386"
        )
    graph = read_model(model)
    core = core_of(target)
    planned = plan(lower(graph, core.plain() if portable else core, optimise))
    image = cached_image(model_sources(planned, target, "bench", optimise=optimise), target)
    measured, _ = _measure(image, target, planned)
    counts = count_instructions(image, "fw_model_invoke", timeout_s=_TIMEOUT_S)
    app = full_image(graph, planned, target, optimise) if full else None
    layers = layer_instructions(planned, target, optimise)
    core_image = cached_image(model_sources(planned, target, "core", optimise=optimise), target)
    cost = _image_cost(core_image, measured.stack_bytes)
    return BenchResult(
        model=planned.program.name,
        board=target.id,
        optimise=optimise,
        instructions=measured.instructions,
        cycles_estimated=None if counts.cycles_estimated is None else round(counts.cycles_estimated / counts.calls),
        macs=planned.program.macs,
        weights_bytes=cost.weights_bytes,
        code_bytes=cost.code_bytes,
        arena_bytes=planned.arena_bytes,
        stack_bytes=measured.stack_bytes,
        ram_bytes=cost.ram_bytes,
        core=cost,
        full=None if app is None else _image_cost(app.image, app.image.stack_bytes),
        full_learns=None if app is None else app.learns,
        layers=tuple(
            LayerCost(
                call.layer.operator,
                call.layer.name,
                call.kernel.name,
                call.layer.output,
                call.macs,
                count,
                call.alternatives,
            )
            for call, count in zip(planned.program.calls, layers, strict=True)
        ),
    )


def count_invoke(planned: Plan, board: Board, optimise: Optimise = "balanced") -> tuple[int, int | None]:
    """(instructions, estimated cycles) of one fw_model_invoke(); no cycles off Arm."""
    image = cached_image(model_sources(planned, board, "bench", optimise=optimise), board)
    measured, _ = _measure(image, board, planned)
    counts = count_instructions(image, "fw_model_invoke", timeout_s=_TIMEOUT_S)
    cycles = counts.cycles_estimated
    return measured.instructions, None if cycles is None else round(cycles / counts.calls)


def painted_stack(planned: Plan, board: Board) -> int:
    """The deepest use of the stack by start-up and one inference, in bytes, found by painting it."""
    return _measure(cached_image(model_sources(planned, board, "bench"), board), board, planned)[0].stack_bytes


def layer_instructions(planned: Plan, board: Board, optimise: Optimise = "balanced") -> tuple[int, ...]:
    """Instructions of every kernel call of one inference."""
    sources = model_sources(planned, board, "bench", optimise=optimise, layer_hooks=True)
    return _measure(cached_image(sources, board), board, planned)[1]


@dataclass(frozen=True)
class _Measured:
    instructions: int
    stack_bytes: int


def _measure(image: Image, board: Board, planned: Plan) -> tuple[_Measured, tuple[int, ...]]:
    """Runs a bench image: (one inference, instructions of each kernel call if the image has layer hooks)."""
    run = emulator_for(board).run_to_exit(image.elf, board, files={}, timeout_s=_TIMEOUT_S, icount=True)
    data = run.files_written.get("bench.bin", b"")
    if run.exit_code != 0 or len(data) < _RESULT.size:
        raise LinkLostError(
            f"{planned.program.name} on {board.id}: the benchmark image ended with code {run.exit_code}"
        )
    layers = struct.unpack(f"<{(len(data) - _RESULT.size) // 8}Q", data[_RESULT.size :])
    return _Measured(*_RESULT.unpack_from(data)), layers[: len(planned.program.calls)]


def _image_cost(image: Image, stack_used: int) -> ImageCost:
    weights = image.weights_bytes or 0
    return ImageCost(weights, image.flash_bytes - weights, image.ram_static_bytes + stack_used)
