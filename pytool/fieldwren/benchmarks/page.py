"""docs/benchmarks.md from the figures of docs/benchmarks.json."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fieldwren.benchmarks.figures import MAIN_BOARD, Figures, main_models
from fieldwren.benchmarks.peers import CODE_SHARE, CONSTANTS_SHARE, load_peer
from fieldwren.benchmarks.show import thousands
from fieldwren.boards.counting import COUNTED, counting_board

_FRONT_ENDS = {
    "mfcc": ("float MFCC: 512-point FFT, 40 mel, 10 coefficients", "mps2-an386", 36_000, "CMSIS-DSP 50,600"),
    "micro": ("TFLM's micro front end, bit-exact", "mps2-an386", 50_000, "TFLM 84,800"),
    "log-mel-fixed": ("log-mel in integer arithmetic", "mps2-an385", 30_000, ""),
}
"""What it is, and the bar: at most so many instructions on that board."""
_KWS, _PORTABLE_BARS = (
    "mlperf_kws_dscnn",
    {"mps2-an385": 9_000_000, "riscv32-virt": 10_000_000, "cortex-m0": 12_000_000},
)
_MVE_BOARD, _MVE_SHARE = "mps3-an547", 1 / 3

_HEAD = """# Benchmarks

Written by `make bench`, which measures everything again and fails when a figure is more than 2 % worse than the one
here (`docs/benchmarks.json` holds the same figures for programs; `make bench ACCEPT=1` takes the new ones). The bar
table alone: `fieldwren bench --suite`; one model with its layers: `fieldwren bench MODEL --board BOARD`.

Instructions are executed instructions of one inference, counted in QEMU (`-icount shift=0`), exact and repeatable; no
figure is a time. Cycles are an estimate: the instructions of a Cortex-M4 with LDM/STM 1+n, LDRD/STRD 3, divide 12, taken
branch 3, others 1, and memory without wait states. Sizes are those of the linked `core` image (start-up and inference);
RAM is static memory, arena and the stack that was used. `--optimise balanced` throughout.
"""


def page(figures: Figures) -> str:
    """The whole page."""
    compilers = ", ".join(f"{name} {version}" for name, version in figures["compilers"].items())
    boards = [board for board in COUNTED if any(board in made for made in figures["models"].values())]
    parts = [
        _HEAD + f"\nBuilt with {compilers}.\n",
        _bars(figures),
        _cores(figures, boards),
        _front_ends(figures, boards),
        _kinds(figures, boards),
        _bytes(figures),
        _layers(figures),
    ]
    return "\n".join(part for part in parts if part)


def _table(titles: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = ["| " + " | ".join(titles) + " |", "|---" + "|---:" * (len(titles) - 1) + "|"]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _mark(value: float, limit: float) -> str:
    return "" if value <= limit else " **missed**"


def _bars(figures: Figures) -> str:
    peer = load_peer()
    rows: list[tuple[str, ...]] = []
    for model in peer.models:
        made = figures["models"].get(model.stem, {}).get(peer.board)
        if made is None:
            rows.append((model.name, "not at hand", f"{model.instructions:,}", *("",) * 7))
            continue
        ratio = made["weights_bytes"] / made["tflite_constants_bytes"]
        code, ram = CODE_SHARE * model.flash_bytes, model.ram_share * model.ram_bytes
        name = model.name if model.stem == model.name else f"{model.name} (as {model.stem})"
        full = f"{made['full_code_bytes']:,}, {made['full_ram_bytes']:,}" if "full_code_bytes" in made else "no app"
        rows.append(
            (
                name,
                f"{made['instructions']:,}",
                f"{model.instructions:,}",
                f"{made['instructions'] / model.instructions:.2f}",
                f"{thousands(model.bar)}{_mark(made['instructions'], model.bar)}",
                f"{thousands(model.goal)}{'' if made['instructions'] <= model.goal else ' not reached'}",
                f"{made['code_bytes']:,} of {code:,.0f}{_mark(made['code_bytes'], code)}",
                f"{ratio:.3f}{_mark(ratio, CONSTANTS_SHARE)}",
                f"{made['ram_bytes']:,} of {ram:,.0f}{_mark(made['ram_bytes'], ram)}",
                full,
            )
        )
    titles = (
        *("model", "instructions", "peer", "÷ peer", "bar", "goal"),
        *("code, at most", "tables ÷ .tflite's", "RAM, at most", "`full` image: code, RAM"),
    )
    portable = []
    for other in peer.portable:
        made = figures["models"].get(other.name, {}).get(peer.board)
        if made is not None and "portable_instructions" in made:
            share = made["instructions"] / made["portable_instructions"]
            portable.append(
                (other.name, f"{made['instructions']:,}", f"{share:.2f}{_mark(share, other.share)}", other.share)
            )
    return (
        f"## Against the peer, on {peer.board}\n\n{peer.tool}; {peer.compiler}; {peer.command}. Code may be "
        f"{CODE_SHARE} of the peer's flash without the .tflite, tables {CONSTANTS_SHARE} of the .tflite's constants, RAM 0.9 "
        "of the peer's in all (0.7 for DS-CNN and the MobileNets); all hold together.\n\n"
        + _table(titles, rows)
        + "\nModels without a peer's figure, against this project's portable kernels on the same core:\n\n"
        + _table(("model", "instructions", "÷ portable", "at most"), portable)
    )


def _cores(figures: Figures, boards: Sequence[str]) -> str:
    rows = []
    for name in _mains(figures):
        cells = [name]
        for board in boards:
            made = figures["models"][name].get(board)
            cells.append("does not fit" if made is None else f"{made['instructions']:,}" + _ratio(made))
        rows.append(cells)
    text = "## By core\n\nInstructions of one inference; in brackets ÷ this project's portable kernels on the same core.\n\n"
    text += _table(("model", *(f"{counting_board(b).core.cpu} ({b})" for b in boards)), rows)
    kws = figures["models"].get(_KWS, {})
    lines = [
        f"- {_KWS} on {board}, portable C: {kws[board]['instructions']:,}, at most {limit:,}"
        f"{_mark(kws[board]['instructions'], limit)}"
        for board, limit in _PORTABLE_BARS.items()
        if board in kws
    ]
    if _MVE_BOARD in kws and MAIN_BOARD in kws:
        share = kws[_MVE_BOARD]["instructions"] / kws[MAIN_BOARD]["instructions"]
        lines.append(
            f"- {_KWS} on the Cortex-M55: {share:.2f} of the Cortex-M4F's, at most 0.33{_mark(share, _MVE_SHARE)}"
        )
    return text + "\n" + "\n".join(lines) + "\n"


def _ratio(made: Mapping[str, Any]) -> str:
    return f" ({made['instructions'] / made['portable_instructions']:.2f})" if "portable_instructions" in made else ""


def _mains(figures: Figures) -> list[str]:
    return [name for name in main_models() if name in figures["models"]]


def _front_ends(figures: Figures, boards: Sequence[str]) -> str:
    rows, lines = [], []
    for name, made in figures["front_ends"].items():
        what, board, limit, peer = _FRONT_ENDS[name]
        cells = [f"{made[b]['instructions']:,}" if b in made else "" for b in boards]
        rows.append((name, *cells, f"{made[board]['tables_bytes']:,}", f"{made[board]['memory_bytes']:,}"))
        count = made[board]["instructions"]
        lines.append(
            f"- {name}: {what}; on {board} {count:,}, at most {limit:,}{_mark(count, limit)}{f'; {peer}' if peer else ''}"
        )
    if not rows:
        return ""
    text = "## Front ends\n\nInstructions of one 30 ms frame of 16 kHz audio (mean over a second), bytes of tables and of RAM.\n\n"
    return text + _table(("front end", *boards, "tables", "RAM"), rows) + "\n" + "\n".join(lines) + "\n"


def _kinds(figures: Figures, boards: Sequence[str]) -> str:
    text = "## Layer kinds\n\nInstructions of all layers of a kind, by core.\n"
    for name in _mains(figures):
        made = figures["models"][name]
        kinds = dict.fromkeys(kind for board in boards if board in made for kind in made[board]["kinds"])
        rows = [(kind, *(f"{made[b]['kinds'].get(kind, 0):,}" if b in made else "" for b in boards)) for kind in kinds]
        text += f"\n### {name}\n\n" + _table(("kind", *(counting_board(b).core.cpu for b in boards)), rows)
    return text


def _bytes(figures: Figures) -> str:
    rows = []
    for name, boards in figures["models"].items():
        made = boards.get(MAIN_BOARD)
        if made is None:
            continue
        each = f"{made['instructions'] / made['macs']:.2f}" if made["macs"] else ""
        sizes = ("weights_bytes", "code_bytes", "arena_bytes", "stack_bytes", "ram_bytes")
        rows.append(
            (name, f"{made['instructions']:,}", each, f"{made['cycles_estimated']:,}", *(f"{made[s]:,}" for s in sizes))
        )
    titles = ("model", "instructions", "a MAC", "cycles est.", "tables", "code", "arena", "stack", "RAM")
    return f"## All models on {MAIN_BOARD}\n\n" + _table(titles, rows)


def _layers(figures: Figures) -> str:
    text = (
        f"## Where the instructions go, on {MAIN_BOARD}\n\nThe variant of each layer was chosen by the costs that "
        "`boards/costs` predicts: the chosen one first, then the others with their predictions.\n"
    )
    for name in _mains(figures):
        layers = figures["layers"].get(name, [])
        total = sum(layer["instructions"] for layer in layers) or 1
        rows = [
            (
                layer["operator"],
                layer["kernel"],
                f"{layer['instructions']:,}",
                f"{layer['instructions'] / total:.1%}",
                f"{layer['macs']:,}",
                f"{layer['instructions'] / layer['macs']:.2f}" if layer["macs"] else "",
                layer["chosen_from"],
            )
            for layer in layers
        ]
        titles = ("layer", "kernel", "instructions", "share", "MACs", "a MAC", "chosen from (predicted)")
        text += f"\n### {name}\n\n" + _table(titles, rows)
    return text
