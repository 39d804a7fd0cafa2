"""The table of docs/streaming.md: one hop against one window, counted in the emulator.

    python tools/measure_streaming.py

Needs the shared data for the published models. ds_cnn_stream has random weights: instructions do not depend on them.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import click

from fieldwren import paths
from fieldwren.bench_streaming import StreamingResult, bench_streaming

ROOT = Path(__file__).resolve().parent.parent
BOARD = "mps2-an386"

MEL = 'kind = "mel"\nhop_samples = {hop}\ncoefficient_count = 10\nwindow_frames = {frames}'


def app(folder: Path, content: bytes, labels: int, front_end: str, stride_ms: int) -> Path:
    """An app folder around a model."""
    folder.mkdir()
    (folder / "model.tflite").write_bytes(content)
    names = ", ".join(f'"{i}"' for i in range(labels))
    (folder / "fieldwren.toml").write_text(
        f'schema = 1\nname = "{folder.name}"\nkind = "keyword"\nmodel = "model.tflite"\nlabels = [{names}]\n\n'
        f"[front_end]\n{front_end}\n\n[detector]\nstride_ms = {stride_ms}\n"
    )
    return folder


def subjects(folder: Path, models: Path) -> list[tuple[str, Path]]:
    """(what it is, app folder) for each row of the table."""
    sys.path.insert(0, str(ROOT / "tests"))
    from streaming.models import ds_cnn_stream

    kws, speech = ((models / f"{name}.tflite").read_bytes() for name in ("mlperf_kws_dscnn", "tflm_micro_speech"))
    slow, fast = MEL.format(hop=320, frames=49), MEL.format(hop=160, frames=98)
    made = [("examples/digits as it is (window-mean)", paths.examples() / "digits")]
    rows = (
        ("mlperf_kws_dscnn as published (window-max)", kws, 12, 'preset = "mlperf-kws"', 40),
        ("mlperf_kws_dscnn, frames not normalised", kws, 12, slow, 40),
        ("the same, hop 100 ms", kws, 12, slow, 100),
        ("tflm_micro_speech", speech, 4, 'preset = "micro-speech"', 40),
        ("ds_cnn_stream, 49 frames of 20 ms", ds_cnn_stream(frames=49), 12, slow, 40),
        ("ds_cnn_stream, 98 frames of 10 ms", ds_cnn_stream(frames=98), 12, fast, 20),
        ("the same, hop 40 ms", ds_cnn_stream(frames=98), 12, fast, 40),
        ("the same, hop 100 ms", ds_cnn_stream(frames=98), 12, fast, 100),
    )
    made += [
        (name, app(folder / f"app{i}", content, count, front_end, stride))
        for i, (name, content, count, front_end, stride) in enumerate(rows)
    ]
    return made


def row(name: str, result: StreamingResult) -> str:
    """One line of the table."""
    share = result.instructions_per_hop / result.instructions_full_window
    phases = result.network.phases if result.streams and result.network else "–"
    cells = (
        *(name, f"{result.hop_ms:g}", f"{result.instructions_full_window:,}", f"{result.instructions_per_hop:,}"),
        *(f"{share:.1%}", f"{result.front_end_instructions or 0:,}", phases, f"{result.state_bytes:,}"),
        f"{result.cpu_share or 0.0:.1%}",
    )
    return f"| {' | '.join(map(str, cells))} |"


@click.command()
@click.option("--board", default=BOARD, show_default=True)
def main(board: str) -> None:
    """Print the table."""
    data = paths.shared_data()
    if data is None:
        raise click.UsageError("the shared data are needed: set FIELDWREN_DATA.")
    with tempfile.TemporaryDirectory() as folder:
        for name, source in subjects(Path(folder), data / "models"):
            click.echo(row(name, bench_streaming(source, board)))


if __name__ == "__main__":
    main()
