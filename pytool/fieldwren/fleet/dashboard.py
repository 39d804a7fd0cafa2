"""A federation on the terminal, while it runs: what the report shows, redrawn when something happens."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Literal

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from fieldwren.fleet.report import DeviceView, FleetView, energy, percent, size

_BARS = "▁▂▃▄▅▆▇█"
_SPARKS = 24
_DEVICES_SHOWN = 40
_STYLES = {"working": "cyan", "lost": "red", "quarantined": "red bold"}


def sparkline(values: Sequence[float | None], most: int = _SPARKS) -> str:
    """The newest values as bars, each between the smallest and the largest of them; a blank where there is none."""
    shown = list(values)[-most:]
    known = [value for value in shown if value is not None]
    if not known:
        return ""
    low, high = min(known), max(known)
    span = high - low or 1.0
    return "".join(" " if v is None else _BARS[round((len(_BARS) - 1) * (v - low) / span)] for v in shown)


def dashboard(view: FleetView) -> RenderableType:
    """All of it."""
    return Panel(
        Group(_summary(view), Text(), _devices(view.devices)), title=f"{view.app} · {view.strategy}", title_align="left"
    )


def _summary(view: FleetView) -> Table:
    last = view.rounds[-1] if view.rounds else None
    table = Table.grid(padding=(0, 3))
    table.add_column(style="dim")
    table.add_column(min_width=26)
    table.add_column(style="dim")
    table.add_column()
    done = Table.grid(padding=(0, 1))
    done.add_row(
        ProgressBar(view.rounds_wanted, len(view.rounds), width=16), f"{len(view.rounds)} of {view.rounds_wanted}"
    )
    sent = sum(item.bytes_down for item in view.rounds), sum(item.bytes_up for item in view.rounds)
    table.add_row("rounds", done, "bytes", f"{size(sent[0])} down, {size(sent[1])} up")
    mean = [item.accuracy_mean for item in view.rounds]
    worst = [item.accuracy_min for item in view.rounds]
    table.add_row(
        "accuracy, mean",
        f"{percent(last.accuracy_mean if last else None)}  {sparkline(mean)}",
        "updates",
        ", ".join(f"{name} {count:,}" for name, count in view.audit.items()),
    )
    known = [device.energy_mj for device in view.devices if device.energy_mj is not None]
    table.add_row(
        "accuracy, worst device",
        f"{percent(last.accuracy_min if last else None)}  {sparkline(worst)}",
        "energy, estimate",
        energy(sum(known) if known else None),
    )
    return table


def _devices(devices: Sequence[DeviceView]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    # Narrow terminals cut the reason of a state and nothing else.
    longest = {"device": 6, "group": 5, "accuracy": 8, "": 12, "answers": 7, "lost": 4, "rejected": 8}
    for device in devices:
        longest["device"] = max(longest["device"], len(device.name))
        longest["group"] = max(longest["group"], len(device.group))
    for title in ("device", "group", "state", "accuracy", "", "answers", "lost", "rejected"):
        side: Literal["left", "right"] = "left" if title in ("device", "group", "state", "") else "right"
        table.add_column(title, justify=side, no_wrap=True, overflow="ellipsis", min_width=longest.get(title))
    # Those in trouble first, so that they are seen in a fleet larger than the screen.
    ordered = sorted(devices, key=lambda device: device.state not in _STYLES)[:_DEVICES_SHOWN]
    for device in ordered:
        known = [value for value in device.accuracy if value is not None]
        state = Text(device.state, style=_STYLES.get(device.state, "green"))
        if device.reason:
            state.append(f" {device.reason}", style="dim")
        table.add_row(
            device.name,
            device.group,
            state,
            percent(known[-1] if known else None),
            sparkline(device.accuracy, 12),
            f"{device.answers:,}",
            f"{device.dropped:,}",
            f"{device.rejected:,}",
        )
    if len(devices) > len(ordered):
        table.add_row(f"… and {len(devices) - len(ordered)} more", style="dim")
    return table


@contextlib.contextmanager
def shown(console: Console) -> Iterator[Callable[[FleetView], None]]:
    """A function that draws a view, in place where the console is a terminal; elsewhere a line a finished round."""
    if not console.is_terminal:
        told = 0

        def tell(view: FleetView) -> None:
            nonlocal told
            for number, item in enumerate(view.rounds[told:], told + 1):
                console.print(
                    f"round {number} of {view.rounds_wanted}: {item.clients} devices, accuracy {percent(item.accuracy_mean)}, "
                    f"worst {percent(item.accuracy_min)}; {size(item.bytes_down)} down, {size(item.bytes_up)} up; "
                    f"{item.dropped} dropped",
                    highlight=False,
                    soft_wrap=True,
                )
            told = len(view.rounds)

        yield tell
        return
    with Live(console=console, refresh_per_second=4) as live:
        yield lambda view: live.update(dashboard(view))
