"""Report and dashboard: what they say is what happened, and estimates say that they are."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

from rich.console import Console

from fieldwren.fleet.dashboard import dashboard, shown, sparkline
from fieldwren.fleet.report import DeviceView, FleetView, RoundView, ShotView, energy, report_html, size, write_report

ROUNDS = [RoundView(0.70 + 0.02 * n, 0.5 + 0.03 * n, 23_000 + n, 9_000 + n, 8, n % 2) for n in range(10)]
GOOD = DeviceView(
    "emulated-0", "mps2-an386", "theo", [0.5, None, 0.75], 29_000, 12_000, 9, 1, 0, 400, "ready", "", 9_500.0, 200.0
)
BAD = replace(
    GOOD, name="serial-1", board="/dev/tty<0>", state="quarantined", reason="3 answers & more", energy_pj=None
)
VIEW = FleetView(
    "digits", "fedavg", 12, ROUNDS, [GOOD, BAD], {"sent": 80, "applied": 76, "rejected": 4}, {"not finite": 4},
    [ShotView(5, 0.875, 0.9)], ({"task": 230_045}, {"update": 90_045, "answers": 5_000}), "ab" * 32, 101.4,
)  # fmt: skip


def test_the_report_is_one_page_without_anything_from_elsewhere(tmp_path: Path) -> None:
    write_report(VIEW, tmp_path / "fleet.html")
    page = (tmp_path / "fleet.html").read_text()
    assert "http" not in page.replace("http-equiv", "")
    assert "<script" not in page
    body = page[page.index("<body>") : page.index("</body>") + 7]
    ElementTree.fromstring(re.sub(r"&(?!amp;|lt;|gt;|quot;|#x27;)", "&amp;", body))  # every tag is closed
    for figure in ("10 of 12", "88.0 %", "77.0 %", "87.5 %", "90.0 %", "230 kB", "applied 76", "not finite", "ab" * 32):
        assert figure in body, figure
    assert "/dev/tty&lt;0&gt;" in body
    assert "3 answers &amp; more" in body


def test_energy_is_called_an_estimate_and_left_out_where_nobody_knows() -> None:
    assert GOOD.energy_mj is not None
    assert abs(GOOD.energy_mj - 400 * 9_500 * 200e-12 * 1e3) < 1e-12
    assert BAD.energy_mj is None
    page = report_html(VIEW)
    assert "energy, estimate" in page
    assert energy(GOOD.energy_mj) in page
    assert energy(GOOD.energy_mj).startswith("≈")


def test_the_curves_go_through_the_figures() -> None:
    path = re.findall(r'<path d="M([\d.L ]+)" fill="none"', report_html(VIEW))
    assert len(path) == 4
    heights = [float(point.split()[1]) for point in path[0].split("L")]
    steps = [round(a - b, 1) for a, b in pairwise(heights)]
    assert len(heights) == 10
    assert max(steps) - min(steps) <= 0.11  # equal gains, equal steps
    assert min(steps) > 0


def test_an_empty_federation_has_a_page() -> None:
    nothing = replace(VIEW, rounds=[], devices=[], k_shot=(), traffic=({}, {}), reasons={})
    assert "No round is finished" in report_html(nothing)


def test_the_dashboard_shows_trouble_first_and_no_more_than_fits() -> None:
    console = Console(record=True, width=100, force_terminal=True, file=io.StringIO())
    many = [replace(GOOD, name=f"emulated-{n:03}") for n in range(100)]
    console.print(dashboard(replace(VIEW, devices=[*many, BAD])))
    text = console.export_text()
    assert text.index("serial-1") < text.index("emulated-000")
    assert "… and 61 more" in text
    assert "quarantined" in text
    assert "energy, estimate" in text
    assert max(map(len, text.splitlines())) <= 100


def test_where_no_terminal_is_a_round_is_a_line() -> None:
    file = io.StringIO()
    with shown(Console(file=file, force_terminal=False, width=60)) as watch:
        watch(replace(VIEW, rounds=ROUNDS[:1]))
        watch(replace(VIEW, rounds=ROUNDS[:1]))
        watch(VIEW)
    lines = file.getvalue().splitlines()
    assert len(lines) == 10
    assert lines[9].startswith(
        "round 10 of 12: 8 devices, accuracy 88.0 %, worst 77.0 %; 23 kB down, 9 kB up; 1 dropped"
    )


def test_small_things() -> None:
    assert [size(n) for n in (0, 1999, 2000, 1_999_499, 3e6, 5e9)] == [
        "0 B",
        "1,999 B",
        "2 kB",
        "1,999 kB",
        "3 MB",
        "5 GB",
    ]
    assert sparkline([0.0, None, 1.0]) == "▁ █"
    assert sparkline([None]) == ""
