"""A federation as one HTML page: rounds, devices, bytes, an estimate of energy. Self-contained; nothing is fetched."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from fieldwren.files import written_whole


@dataclass(frozen=True)
class RoundView:
    """One finished round, as in the result; accuracies are None where no device tested."""

    accuracy_mean: float | None
    accuracy_min: float | None
    bytes_down: int
    bytes_up: int
    clients: int
    dropped: int


@dataclass(frozen=True)
class DeviceView:
    """One device so far. `accuracy`: share of its own tests right, round by round (None: not asked in that round).

    `updates` of its head; `instructions_per_update` and `energy_pj` (of an instruction) are None where nobody measured
    them. `state`: "ready", "working", "lost", "quarantined", with `reason` where there is one.
    """

    name: str
    board: str
    group: str
    accuracy: Sequence[float | None]
    bytes_down: int
    bytes_up: int
    answers: int
    dropped: int
    rejected: int
    updates: int
    state: str
    reason: str = ""
    instructions_per_update: float | None = None
    energy_pj: float | None = None

    @property
    def energy_mj(self) -> float | None:
        """Millijoules of all updates, an estimate: instructions times what one costs on this board."""
        if self.instructions_per_update is None or self.energy_pj is None:
            return None
        return self.updates * self.instructions_per_update * self.energy_pj * 1e-9


@dataclass(frozen=True)
class ShotView:
    """Accuracy on people whom no device has heard, after `shots` a class: factory head adapted, federated head adapted."""

    shots: int
    before: float
    after: float


@dataclass(frozen=True)
class FleetView:
    """What dashboard and report show. `traffic`: bytes on the links by kind, (down, up)."""

    app: str
    strategy: str
    rounds_wanted: int
    rounds: Sequence[RoundView]
    devices: Sequence[DeviceView]
    audit: Mapping[str, int]
    reasons: Mapping[str, int] = field(default_factory=dict)
    k_shot: Sequence[ShotView] = ()
    traffic: tuple[Mapping[str, int], Mapping[str, int]] = field(default_factory=lambda: ({}, {}))
    head_sha256: str = ""
    seconds: float | None = None


_WIDTH, _HEIGHT = 460, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 12, 34, 40
_FIRST, _SECOND = "#1f6fb4", "#c05a1f"
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; --back: light-dark(#fff, #14171a); --text: light-dark(#1a1d20, #e6e9eb);
  --quiet: light-dark(#5a646b, #9aa5ad); --line: light-dark(#d5dbdf, #343c42); --bad: light-dark(#b3261e, #ff8a80); }}
body {{ margin: 0 auto; max-width: 80rem; padding: 1rem 1.2rem 3rem; background: var(--back); color: var(--text);
  font: 15px/1.45 system-ui, sans-serif; }}
h1 {{ font-size: 1.3rem; margin: 0 0 .2rem; }} h2 {{ font-size: 1.05rem; margin: 1.6rem 0 .4rem; }}
p {{ margin: .2rem 0 .6rem; }} .quiet {{ color: var(--quiet); }} .bad {{ color: var(--bad); }}
.facts {{ display: flex; flex-wrap: wrap; gap: .4rem 2rem; margin: .8rem 0; }}
.facts div {{ display: grid; }} .facts b {{ font-size: 1.25rem; font-weight: 600; font-variant-numeric: tabular-nums; }}
.charts {{ display: flex; flex-wrap: wrap; gap: 1rem; }} svg {{ max-width: 100%; height: auto; }}
.scroll {{ overflow-x: auto; }} table {{ border-collapse: collapse; min-width: 30rem; }}
th, td {{ text-align: left; padding: .3rem .55rem; border-bottom: 1px solid var(--line); white-space: nowrap; }}
th {{ font-size: .82rem; color: var(--quiet); }}
.n {{ text-align: right; font-variant-numeric: tabular-nums; }} code {{ overflow-wrap: anywhere; }}
</style></head><body>
{body}
</body></html>
"""


def report_html(view: FleetView) -> str:
    """The page."""
    parts = [_head(view), _charts(view), _shots(view), _devices(view), _traffic(view), _audit(view)]
    return _PAGE.format(title=escape(f"{view.app}: {view.strategy}"), body="\n".join(part for part in parts if part))


def write_report(view: FleetView, path: str | Path) -> None:
    """The page as a file."""
    with written_whole(Path(path)) as temporary:
        temporary.write_text(report_html(view), encoding="utf-8")


def percent(share: float | None) -> str:
    """`83.3 %`, or a dash."""
    return "–" if share is None else f"{100 * share:.1f} %"


def size(count: float) -> str:
    """Bytes for people."""
    for unit, limit in (("B", 2_000.0), ("kB", 2e6), ("MB", 2e9)):
        if count < limit:
            scale = {"B": 1, "kB": 1000, "MB": 1e6}[unit]
            return f"{count / scale:,.0f} {unit}"
    return f"{count / 1e9:,.0f} GB"


def energy(millijoules: float | None) -> str:
    """An estimate of energy for people."""
    if millijoules is None:
        return "–"
    return f"≈ {millijoules:.3g} mJ" if millijoules >= 0.1 else f"≈ {1000 * millijoules:.3g} µJ"


def _head(view: FleetView) -> str:
    last = view.rounds[-1] if view.rounds else None
    energies = [device.energy_mj for device in view.devices]
    known = [value for value in energies if value is not None]
    facts = [
        ("rounds", f"{len(view.rounds)} of {view.rounds_wanted}"),
        ("devices", str(len(view.devices))),
        ("accuracy, mean", percent(last.accuracy_mean if last else None)),
        ("accuracy, worst device", percent(last.accuracy_min if last else None)),
        ("sent to devices", size(sum(item.bytes_down for item in view.rounds))),
        ("sent by devices", size(sum(item.bytes_up for item in view.rounds))),
    ]
    if known:
        facts.append(
            (
                f"energy of updates, estimate{'' if len(known) == len(energies) else ' (known boards)'}",
                energy(sum(known)),
            )
        )
    if view.seconds is not None:
        facts.append(("time", f"{view.seconds:,.0f} s"))
    cells = "".join(
        f'<div><span class="quiet">{escape(name)}</span><b>{escape(value)}</b></div>' for name, value in facts
    )
    sha = f'<p class="quiet">Head: <code>{escape(view.head_sha256)}</code></p>' if view.head_sha256 else ""
    return f'<h1>{escape(view.app)}</h1><p class="quiet">federated by {escape(view.strategy)}</p><div class="facts">{cells}</div>{sha}'


def _charts(view: FleetView) -> str:
    if not view.rounds:
        return "<p>No round is finished.</p>"
    means = [item.accuracy_mean for item in view.rounds]
    worst = [item.accuracy_min for item in view.rounds]
    parts = []
    if any(value is not None for value in means):
        floor = max(0.0, int(10 * min(v for v in [*means, *worst] if v is not None) - 0.001) / 10)
        lines = (("mean of the devices", _FIRST, means), ("worst device", _SECOND, worst))
        parts.append(
            _chart("Accuracy on the devices' own tests", lines, min(floor, 0.9), 1.0, lambda v: f"{100 * v:.0f} %")
        )
    down: list[float | None] = [item.bytes_down for item in view.rounds]
    up: list[float | None] = [item.bytes_up for item in view.rounds]
    most = max((v for v in [*down, *up] if v), default=1.0)
    parts.append(
        _chart("Bytes a round", (("to devices", _FIRST, down), ("from devices", _SECOND, up)), 0.0, most * 1.05, size)
    )
    return f'<h2>Rounds</h2><div class="charts">{"".join(parts)}</div>'


def _chart(
    title: str,
    lines: Iterable[tuple[str, str, Sequence[float | None]]],
    floor: float,
    ceiling: float,
    label: Callable[[float], str],
) -> str:
    """One SVG with a line for each series over the rounds, counted from 1."""
    drawn = list(lines)
    count = max(len(values) for _, _, values in drawn)

    def x(number: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * ((number - 1) / (count - 1) if count > 1 else 0.5)

    def y(value: float) -> float:
        return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (ceiling - value) / (ceiling - floor)

    parts = [
        f'<svg width="{_WIDTH}" height="{_HEIGHT}" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-size="12" font-family="inherit" '
        f'role="img" aria-label="{escape(title)}"><g fill="currentColor"><text x="{_LEFT}" y="14" font-size="13">{escape(title)}</text>'
    ]
    for value in _ticks(floor, ceiling):
        parts.append(
            f'<path d="M{_LEFT} {y(value):.1f}H{_WIDTH - _RIGHT}" stroke="currentColor" stroke-opacity=".18"/>'
            f'<text x="{_LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{escape(label(value))}</text>'
        )
    every = max(1, round(count / 6))
    for number in range(1, count + 1, every):
        parts.append(f'<text x="{x(number):.1f}" y="{_HEIGHT - _BOTTOM + 16}" text-anchor="middle">{number}</text>')
    parts.append(f'<text x="{(_LEFT + _WIDTH - _RIGHT) / 2}" y="{_HEIGHT - 6}" text-anchor="middle">round</text></g>')
    for place, (name, colour, values) in enumerate(drawn):
        points = [(x(i), y(v)) for i, v in enumerate(values, 1) if v is not None]
        path = "L".join(f"{px:.1f} {py:.1f}" for px, py in points)
        dots = "".join(f'<circle cx="{px:.1f}" cy="{py:.1f}" r="2.5" fill="{colour}"/>' for px, py in points)
        at = _LEFT + sum(36 + 7 * len(earlier) for earlier, _, _ in drawn[:place])
        parts.append(
            f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>{dots}<path d="M{at} 24h16" stroke="{colour}" '
            f'stroke-width="2"/><text x="{at + 22}" y="28" fill="currentColor">{escape(name)}</text>'
        )
    return "".join([*parts, "</svg>"])


def _ticks(floor: float, ceiling: float) -> list[float]:
    """Three to six round values from `floor` to at most `ceiling`."""
    rough = (ceiling - floor) / 5
    power = 10 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    return [floor + step * number for number in range(int((ceiling - floor) / step + 1e-9) + 1)]


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]], *, left: int = 1) -> str:
    """`left` columns of text, then numbers."""

    def kind(column: int) -> str:
        return "" if column < left else ' class="n"'

    head = "".join(f"<th{kind(i)}>{escape(title)}</th>" for i, title in enumerate(titles))
    body = "".join(
        "<tr>" + "".join(f"<td{kind(i)}>{cell}</td>" for i, cell in enumerate(row)) + "</tr>" for row in rows
    )
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _shots(view: FleetView) -> str:
    if not view.k_shot:
        return ""
    rows = [(str(item.shots), percent(item.before), percent(item.after)) for item in view.k_shot]
    return "<h2>People whom no device has heard</h2>" + _table(
        ("shots a class", "factory head", "federated head"), rows, left=0
    )


def _devices(view: FleetView) -> str:
    rows = []
    for device in view.devices:
        known = [value for value in device.accuracy if value is not None]
        state = escape(device.state)
        rows.append(
            (
                escape(device.name),
                escape(device.board),
                escape(device.group),
                (f'<span class="bad">{state}</span>' if device.state in ("lost", "quarantined") else state)
                + (f'<br/><small class="quiet">{escape(device.reason)}</small>' if device.reason else ""),
                percent(known[0] if known else None),
                percent(known[-1] if known else None),
                f"{device.answers:,}",
                f"{device.dropped:,}",
                f"{device.rejected:,}",
                size(device.bytes_down),
                size(device.bytes_up),
                f"{device.updates:,}",
                energy(device.energy_mj),
            )
        )
    titles = (
        "device",
        "board",
        "group",
        "state",
        "first",
        "last",
        "answers",
        "dropped",
        "rejected",
        "down",
        "up",
        "updates",
    )
    note = (
        '<p class="quiet">First and last: share of the device\'s own tests that the head got right as it came. Energy is an '
        "<b>estimate</b>: updates × instructions of one × the board's energy an instruction (boards/*.toml); link, radio and "
        "sleep are not in it.</p>"
    )
    return "<h2>Devices</h2>" + _table((*titles, "energy, estimate"), rows, left=4) + note


def _traffic(view: FleetView) -> str:
    down, up = view.traffic
    kinds = sorted({*down, *up})
    if not kinds:
        return ""
    rows = [(escape(kind), size(down.get(kind, 0)), size(up.get(kind, 0))) for kind in kinds]
    return "<h2>Bytes on the links</h2>" + _table(("what", "to devices", "from devices"), rows)


def _audit(view: FleetView) -> str:
    text = ", ".join(f"{escape(name)} {count:,}" for name, count in view.audit.items())
    rows = [(escape(reason), f"{count:,}") for reason, count in sorted(view.reasons.items())]
    table = _table(("rejected because", "updates"), rows) if rows else ""
    return f"<h2>Audit</h2><p>Updates: {text}.</p>{table}"
