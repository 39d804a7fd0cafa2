"""Writes boards/sizes/<cpu>.json: what each kernel takes in linked images, for `fieldwren check`.

    python tools/measure_sizes.py BOARD MODEL.tflite…

For each model that compiles and links for BOARD the `core` image is built; the most that an instance of a kernel took
(code, stack by the compiler's own account) becomes its entry. An existing table keeps the entries of kernels that no
model here has.
"""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from fieldwren import paths
from fieldwren.bench import painted_stack
from fieldwren.boards import Board, Image, load_board
from fieldwren.compiler import compile_model
from fieldwren.errors import FieldwrenError
from fieldwren.images import cached_image, core_of, model_sources
from fieldwren.plan import Plan
from fieldwren.sources import Sources

_INSTANCE = re.compile(r"^k\d+_(\w+?)(?:\.[\w.]+)?$")
_STACK_USE = re.compile(r":(\w[\w.]*)\t(\d+)\t")


def instances(image: Image) -> list[tuple[str, int]]:
    """(kernel, bytes) of every kernel instance in the image."""
    found = [(match.group(1), s.bytes) for s in image.symbols if (match := _INSTANCE.match(s.name))]
    return [(name, nbytes) for name, nbytes in found if nbytes]


def stack_of_functions(sources: Sources, board: Board) -> dict[str, int]:
    """Stack bytes of each function of model.c, from the compiler's -fstack-usage."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in sources.files.items():
            (Path(folder) / name).write_bytes(content)
        includes = [f"-I{paths.firmware()}", f"-I{paths.firmware() / 'include'}", f"-I{folder}"]
        command = [f"{board.toolchain.prefix}gcc", "-std=c99", *sources.optimise_flags, *board.core.flags]
        subprocess.run(
            [*command, "-ffp-contract=off", *includes, "-fstack-usage", "-c", "model.c", "-o", "model.o"],
            cwd=folder,
            check=True,
        )
        return {name: int(nbytes) for name, nbytes in _STACK_USE.findall((Path(folder) / "model.su").read_text())}


def measure(board: Board, planned: Plan, table: dict[str, int], kernels: dict[str, dict[str, int]]) -> None:
    """Raises the entries of `table` and `kernels` to what this model needs."""
    sources = model_sources(planned, board, "core")
    image = cached_image(sources, board)
    assert image.weights_bytes is not None
    found = instances(image)
    invoke = image.symbol("fw_model_invoke").bytes
    inlined = {call.kernel.name for call in planned.program.calls} - {name for name, _ in found}
    code = image.flash_bytes - image.weights_bytes
    stacks = stack_of_functions(sources, board)
    deepest = 0
    for name, nbytes in found:
        kernels[name]["code_bytes"] = max(kernels[name]["code_bytes"], nbytes)
    for function, nbytes in stacks.items():
        if match := _INSTANCE.match(function):
            kernels[match.group(1)]["stack_bytes"] = max(kernels[match.group(1)]["stack_bytes"], nbytes)
            deepest = max(deepest, nbytes)
    rest = code - invoke - sum(nbytes for _, nbytes in found)
    if not inlined:
        table["base_code_bytes"] = max(table["base_code_bytes"], rest)
        table["call_bytes"] = max(table["call_bytes"], math.ceil(invoke / len(planned.program.calls)))
    memory = image.ram_static_bytes - planned.arena_bytes - planned.state_bytes
    table["base_ram_bytes"] = max(table["base_ram_bytes"], memory)
    table["base_stack_bytes"] = max(table["base_stack_bytes"], painted_stack(planned, board) - deepest)


def main(board_id: str, models: list[str]) -> None:
    """Measures all models and writes the table."""
    board = load_board(board_id)
    path = paths.boards() / "sizes" / f"{board.core.cpu}.json"
    kernels: dict[str, dict[str, int]] = defaultdict(lambda: {"code_bytes": 0, "stack_bytes": 0})
    if path.is_file():
        kernels.update(json.loads(path.read_text())["kernels"])
    table: dict[str, int] = {"base_code_bytes": 0, "base_ram_bytes": 0, "base_stack_bytes": 0, "call_bytes": 0}
    for model in models:
        try:
            measure(board, compile_model(model, core_of(board)), table, kernels)
        except FieldwrenError as error:
            print(f"{Path(model).stem}: left out: {error}", file=sys.stderr)
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(table | {"kernels": dict(sorted(kernels.items()))}, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
