"""The learning curve of a simulation as a picture: SVG, written as text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from fieldwren.files import written_whole
from fieldwren.learn.simulate import SimulateResult

_WIDTH, _HEIGHT = 560, 340
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 20, 48, 48
_MEAN, _WORST = "#1f5fa8", "#c05a1f"


def curve_svg(result: SimulateResult) -> str:
    """Share of right answers over shots a class, mean and worst group; `result` was made with `with_curve`."""
    points = result.curve
    most = max(point.shots for point in points)
    lowest = min(point.worst_group for point in points)
    floor = max(0.0, int(lowest * 10 - 0.5) / 10)

    def x(shots: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * shots / most

    def y(share: float) -> float:
        return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - share) / (1 - floor)

    title = f"{result.app}: {len(result.per_group)} groups, {result.repeats} draws, {result.passes} passes"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        f'<text x="{_LEFT}" y="20" font-size="14">{escape(title)}</text>',
    ]
    steps = round((1 - floor) * 10)
    for step in range(steps + 1):
        share = 1 - step / 10
        parts.append(
            f'<path d="M{_LEFT} {y(share):.1f}H{_WIDTH - _RIGHT}" stroke="#ddd"/>'
            f'<text x="{_LEFT - 8}" y="{y(share) + 4:.1f}" text-anchor="end">{100 * share:.0f} %</text>'
        )
    for point in points:
        parts.append(
            f'<text x="{x(point.shots):.1f}" y="{_HEIGHT - _BOTTOM + 18}" text-anchor="middle">{point.shots}</text>'
        )
    parts.append(
        f'<text x="{(_LEFT + _WIDTH - _RIGHT) / 2:.0f}" y="{_HEIGHT - 10}" text-anchor="middle">shots a class</text>'
    )
    parts += _line([(x(p.shots), y(p.accuracy)) for p in points], _MEAN, "mean", 0)
    parts += _line([(x(p.shots), y(p.worst_group)) for p in points], _WORST, "worst group", 1)
    return "\n".join([*parts, "</svg>", ""])


def _line(places: Sequence[tuple[float, float]], colour: str, name: str, number: int) -> list[str]:
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places)
    at = _LEFT + 110 * number
    return [
        f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>{dots}',
        f'<path d="M{at} 34h16" stroke="{colour}" stroke-width="2"/><text x="{at + 22}" y="38">{name}</text>',
    ]


def write_curve(result: SimulateResult, path: Path) -> None:
    """The picture as a file."""
    with written_whole(path) as temporary:
        temporary.write_text(curve_svg(result), encoding="utf-8")
