"""An evaluation as a page: figures in words, and pictures, without anything from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path

from fieldwren import __version__
from fieldwren.errors import cannot_write
from fieldwren.evaluate import pictures
from fieldwren.evaluate.evaluate import EvaluateResult
from fieldwren.files import written_whole

_STYLE = (
    "body{font-family:sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color:#222}"
    "table{border-collapse:collapse}td,th{padding:.2em .8em;border-bottom:1px solid #ddd;text-align:right}"
    "td:first-child,th:first-child{text-align:left}svg{max-width:100%;height:auto}"
)


def write_report(result: EvaluateResult, folder: Path) -> Path:
    """Writes index.html and each picture as an .svg into `folder`; returns the page's path."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from error
    drawn = dict(_pictures(result))
    for name, svg in drawn.items():
        with written_whole(folder / f"{name}.svg") as temporary:
            temporary.write_text(svg, encoding="utf-8")
    page = folder / "index.html"
    with written_whole(page) as temporary:
        temporary.write_text(_page(result, drawn), encoding="utf-8")
    return page


def _pictures(result: EvaluateResult) -> Iterator[tuple[str, str]]:
    if result.confusion is not None:
        yield "confusion", pictures.confusion_svg(result.confusion)
    if result.roc:
        yield "roc", pictures.roc_svg(result.roc)
    if result.curve and result.expected:
        at = None
        if result.false_accepts_per_hour is not None and result.false_reject_rate is not None:
            at = (result.false_accepts_per_hour, result.false_reject_rate)
        yield "det", pictures.det_svg(result.curve, at, result.fa_upper_95)
    if result.robustness:
        yield "noise", pictures.noise_svg(result.robustness, result.accuracy)
    if result.per_group and len(result.per_group) > 1:
        yield "groups", pictures.bars_svg("Accuracy by speaker or file", result.per_group)


def _page(result: EvaluateResult, drawn: dict[str, str]) -> str:
    parts = [
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(result.app)}: evaluation</title>',
        f"<style>{_STYLE}</style><h1>{escape(result.app)}</h1>",
        f"<p>Measured on {escape(Path(result.data).name)} with the C code that runs on the device, fieldwren {__version__}.</p>",
        "<ul>",
        *(f"<li>{line}</li>" for line in _sentences(result)),
        "</ul>",
    ]
    if result.per_class:
        parts.append("<table><tr><th>class<th>samples<th>recall<th>precision<th>F1</tr>")
        for label, figures in result.per_class.items():
            cells = (figures.recall, figures.precision, figures.f1)
            parts.append(
                f"<tr><td>{escape(label)}<td>{figures.count}"
                + "".join(f"<td>{'–' if share is None else _percent(share)}" for share in cells)
                + "</tr>"
            )
        parts.append("</table>")
    parts += [f'<div id="{name}">{svg}</div>' for name, svg in drawn.items()]
    return "\n".join([*parts, "</html>", ""])


def _sentences(result: EvaluateResult) -> Iterator[str]:
    if result.accuracy is not None and result.accuracy_95 is not None and result.macro_f1 is not None:
        low, high = result.accuracy_95
        yield (
            f"{_percent(result.accuracy)} of {result.count:,} samples right (95 % interval {_percent(low)} to "
            f"{_percent(high)}), macro F1 {result.macro_f1:.3f}"
        )
    if result.groups is not None and result.groups.deviation is not None:
        yield (
            f"over groups: mean {_percent(result.groups.mean)}, deviation {100 * result.groups.deviation:.1f} points, worst "
            f"{escape(result.groups.worst_group)} with {_percent(result.groups.worst)}"
        )
    if result.hours and result.false_accepts_per_hour is not None and result.fa_upper_95 is not None:
        yield (
            f"{result.false_accepts} false accepts in {result.hours:.2f} h: {result.false_accepts_per_hour:.2f} an hour, "
            f"below {result.fa_upper_95:.2f} with 95 % confidence"
        )
    if result.false_reject_rate is not None and result.frr_interval_95 is not None:
        low, high = result.frr_interval_95
        yield (
            f"{_percent(result.false_reject_rate)} of {result.expected} words missed (95 % interval {_percent(low)} to "
            f"{_percent(high)}), at threshold {result.threshold:g}, smoothing {result.smoothing_ms:g} ms, refractory "
            f"{result.refractory_ms:g} ms"
        )
    if result.frame_event_f1 is not None:
        yield f"F1 of events with their beginnings and ends: {result.frame_event_f1:.3f}"
    if result.psds is not None:
        yield f"polyphonic sound detection score: {result.psds:.3f}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
