"""The figures of an evaluation as pictures: SVG, written as text."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from fieldwren.evaluate.classify import Confusion
from fieldwren.evaluate.operating_point import Point
from fieldwren.evaluate.roc import Roc

_COLOURS = ("#1f5fa8", "#c05a1f", "#2d7d46", "#7a3f98", "#a81f3f", "#4f6d7a")
_REST = "#b8b8b8"
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 24, 44, 48
_LEAST_RATE = 0.1  # false accepts an hour at the left of a logarithmic axis
_NAME_MOST = 16


def _short(name: str) -> str:
    return name if len(name) <= _NAME_MOST else name[: _NAME_MOST - 1] + "…"


def _document(width: int, height: int, title: str, parts: Sequence[str]) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif" font-size="12">'
    )
    return "\n".join(
        [
            head,
            f'<rect width="{width}" height="{height}" fill="white"/>',
            f'<text x="{_LEFT}" y="22" font-size="14">{escape(title)}</text>',
            *parts,
            "</svg>",
            "",
        ]
    )


def _text(x: float, y: float, words: str, anchor: str = "middle", extra: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{extra}>{escape(words)}</text>'


@dataclass(frozen=True)
class _Axes:
    """A plot of shares 0 to `top` (upwards) over positions 0 to 1 (to the right)."""

    width: int = 560
    height: int = 380
    top: float = 1.0
    left: int = _LEFT

    def x(self, place: float) -> float:
        return self.left + (self.width - self.left - _RIGHT) * place

    def y(self, share: float) -> float:
        return self.height - _BOTTOM - (self.height - _TOP - _BOTTOM) * min(share, self.top) / self.top

    def frame(self, ticks: Sequence[tuple[float, str]], below: str, beside: str) -> list[str]:
        parts = []
        for step in range(6):
            share = self.top * step / 5
            parts.append(f'<path d="M{self.x(0):.1f} {self.y(share):.1f}H{self.x(1):.1f}" stroke="#ddd"/>')
            digits = 0 if self.top >= 0.25 else 1
            parts.append(_text(self.x(0) - 8, self.y(share) + 4, f"{100 * share:.{digits}f} %", "end"))
        for place, name in ticks:
            parts.append(f'<path d="M{self.x(place):.1f} {self.y(0):.1f}v4" stroke="#888"/>')
            parts.append(_text(self.x(place), self.y(0) + 18, name))
        parts.append(_text((self.x(0) + self.x(1)) / 2, self.height - 8, below))
        middle = (self.y(0) + self.y(self.top)) / 2
        parts.append(_text(14, middle, beside, extra=f' transform="rotate(-90 14 {middle:.1f})"'))
        return parts

    def line(self, places: Sequence[tuple[float, float]], colour: str, width: float = 2) -> str:
        path = "L".join(f"{self.x(a):.1f} {self.y(b):.1f}" for a, b in places)
        return f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="{width:g}"/>'

    def dot(self, place: float, share: float, colour: str) -> str:
        return f'<circle cx="{self.x(place):.1f}" cy="{self.y(share):.1f}" r="4" fill="{colour}"/>'


def confusion_svg(confusion: Confusion) -> str:
    """Counts by what was wanted (rows) and answered (columns); the darker, the larger the share of the row."""
    count = len(confusion.labels)
    cell = max(16, min(44, 640 // max(1, count)))
    left, top = 140, 130
    parts = []
    for row, counts in enumerate(confusion.counts):
        y = top + row * cell
        parts.append(_text(left - 8, y + cell / 2 + 4, _short(confusion.labels[row]), "end"))
        for column, number in enumerate(counts):
            x = left + column * cell
            share = number / max(1, sum(counts))
            colour = "31,95,168" if row == column else "192,90,31"
            parts.append(
                f'<rect x="{x}" y="{y}" width="{cell - 1}" height="{cell - 1}" fill="rgba({colour},{math.sqrt(share):.3f})">'
                f"<title>{escape(confusion.labels[row])} taken for {escape(confusion.labels[column])}: {number}</title></rect>"
            )
            if number and cell >= 26:
                ink = ' fill="white"' if share > 0.4 else ""
                parts.append(_text(x + cell / 2, y + cell / 2 + 4, str(number), extra=f'{ink} font-size="11"'))
    for column, label in enumerate(confusion.labels):
        middle = left + column * cell + cell / 2 + 4
        parts.append(_text(middle, top - 8, _short(label), "start", f' transform="rotate(-60 {middle:.1f} {top - 8})"'))
    side = count * cell
    parts.append(_text(left + side / 2, top + side + 22, "answered"))
    middle = top + side / 2
    parts.append(_text(16, middle, "wanted", extra=f' transform="rotate(-90 16 {middle:.1f})"'))
    return _document(max(360, left + side + 90), top + side + 36, "Confusion", parts)


def roc_svg(curves: Mapping[str, Roc]) -> str:
    """Each class against the rest; the five with the least area by name, the others in grey."""
    axes = _Axes()
    named = sorted(curves, key=lambda label: curves[label].area)[:5]
    ticks = [(share, f"{100 * share:.0f} %") for share in (0, 0.2, 0.4, 0.6, 0.8, 1)]
    parts = axes.frame(ticks, "of the rest accepted as the class", "of the class found")
    for label in [label for label in curves if label not in named]:
        parts.append(
            axes.line([*zip(curves[label].false_positive, curves[label].true_positive, strict=True)], _REST, 1)
        )
    for number, label in enumerate(named):
        curve = curves[label]
        parts.append(axes.line([*zip(curve.false_positive, curve.true_positive, strict=True)], _COLOURS[number]))
        y = axes.y(0.5) + 20 * number
        parts.append(f'<path d="M{axes.x(0.52):.1f} {y - 4:.1f}h18" stroke="{_COLOURS[number]}" stroke-width="2"/>')
        words = f"{_short(label)}: area {curve.area:.3f}, equal error {100 * curve.equal_error:.1f} %"
        parts.append(_text(axes.x(0.52) + 24, y, words, "start"))
    if len(curves) > len(named):
        parts.append(_text(axes.x(0.52) + 24, axes.y(0.5) + 20 * len(named), "the other classes: more area", "start"))
    return _document(axes.width, axes.height, "Each class against the rest (ROC)", parts)


def det_svg(curve: Sequence[Point], at: tuple[float, float] | None, bound: float | None) -> str:
    """False rejects over false accepts an hour, one point a threshold; `at` is the operating point (FA/h, share missed).

    `bound` is the 95 % upper bound of its rate of false accepts. The axis is logarithmic; none at all is at its left.
    """
    rates = [point.false_accepts_per_hour for point in curve if point.false_accepts_per_hour is not None]
    most = max([10.0, *rates, *([bound] if bound else [])])
    decades = math.ceil(math.log10(most / _LEAST_RATE))
    missed = [point.false_reject_rate for point in curve if point.false_reject_rate is not None]
    axes = _Axes(top=max(0.05, math.ceil(20 * max(missed, default=1.0)) / 20))

    def place(rate: float) -> float:
        return min(1.0, math.log10(max(rate, _LEAST_RATE) / _LEAST_RATE) / decades)

    ticks = [(n / decades, f"{_LEAST_RATE * 10**n:g}" if n else f"≤ {_LEAST_RATE:g}") for n in range(decades + 1)]
    parts = axes.frame(ticks, "false accepts an hour", "of the words missed")
    points = [
        (place(point.false_accepts_per_hour), point.false_reject_rate)
        for point in curve
        if point.false_accepts_per_hour is not None and point.false_reject_rate is not None
    ]
    if points:
        parts.append(axes.line(points, _COLOURS[0]))
    if at is not None:
        if bound is not None:
            parts.append(axes.line([(place(at[0]), at[1]), (place(bound), at[1])], _COLOURS[1], 1.5))
            parts.append(_text(axes.x(place(bound)), axes.y(at[1]) - 8, "95 % bound", "end"))
        parts.append(axes.dot(place(at[0]), at[1], _COLOURS[1]))
    return _document(axes.width, axes.height, "False rejects and false accepts by threshold (DET)", parts)


def bars_svg(title: str, shares: Mapping[str, float]) -> str:
    """A bar a name, the smallest first, and a line at their mean; at most the 24 smallest."""
    ordered = sorted(shares.items(), key=lambda item: item[1])[:24]
    axes = _Axes(height=_TOP + _BOTTOM + 22 * len(ordered), left=130)
    parts = []
    for row, (name, share) in enumerate(ordered):
        y = _TOP + 22 * row
        parts.append(
            f'<rect x="{axes.x(0)}" y="{y}" width="{axes.x(share) - axes.x(0):.1f}" height="16" fill="{_COLOURS[0]}"/>'
        )
        parts.append(_text(axes.x(0) - 8, y + 12, _short(name), "end"))
        parts.append(_text(axes.x(share) - 6, y + 12, f"{100 * share:.1f} %", "end", ' fill="white" font-size="11"'))
    mean = sum(shares.values()) / len(shares)
    parts.append(
        f'<path d="M{axes.x(mean):.1f} {_TOP - 6}V{_TOP + 22 * len(ordered)}" stroke="{_COLOURS[1]}" stroke-width="2"/>'
    )
    parts.append(_text(axes.x(mean), _TOP + 22 * len(ordered) + 16, f"mean {100 * mean:.1f} %", "end"))
    return _document(axes.width, axes.height, title, parts)


def noise_svg(robustness: Mapping[str, float], clean: float | None) -> str:
    """Accuracy over the distance of the noise below the words."""
    levels = sorted((float(level), share) for level, share in robustness.items())
    low, high = levels[0][0], levels[-1][0]
    span = (high - low) or 1.0
    axes = _Axes()
    ticks = [((level - low) / span * 0.9 + 0.05, f"{level:g} dB") for level, _ in levels]
    parts = axes.frame(ticks, "noise below the words", "right")
    places = [((level - low) / span * 0.9 + 0.05, share) for level, share in levels]
    parts.append(axes.line(places, _COLOURS[0]))
    parts += [axes.dot(a, b, _COLOURS[0]) for a, b in places]
    if clean is not None:
        parts.append(axes.line([(0, clean), (1, clean)], _REST, 1.5))
        parts.append(_text(axes.x(1), axes.y(clean) - 6, f"without noise {100 * clean:.1f} %", "end"))
    return _document(axes.width, axes.height, "Robustness against noise", parts)
