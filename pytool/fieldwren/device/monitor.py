"""Watching a device: detections as they come, and how loud it is."""

from __future__ import annotations

from collections.abc import Callable

from fieldwren.device.client import DeviceClient
from fieldwren.device.results import Detected, Event, Status, StreamEnd, Values

_METER_WIDTH = 20
_METER_FLOOR_DB = 60.0
_LEAST_LEVEL = 1e-3


def event_fields(event: Event) -> dict[str, object]:
    """The event as one JSON object: `t_ms`, `label`, `confidence`; or `t_ms`, `values`."""
    if isinstance(event, Detected):
        return {"t_ms": event.t_ms, "label": event.label, "confidence": event.confidence}
    if isinstance(event, Values):
        return {"t_ms": event.t_ms, "values": list(event.values)}
    return {"t_ms": event.t_ms, "inferences": event.inferences, "detections": event.detections}


def event_text(event: Event) -> str:
    """The event as one line for people: time, label, confidence."""
    time = f"{event.t_ms / 1000.0:9.2f} s"
    if isinstance(event, Detected):
        return f"{time}  {event.label:<20} {event.confidence:6.1%}"
    if isinstance(event, Values):
        return f"{time}  {', '.join(f'{value:g}' for value in event.values)}"
    return f"{time}  end: {event.inferences} inferences, {event.detections} detections"


def status_text(status: Status) -> str:
    """The status as one line for people: a level meter for audio, and everything that went wrong."""
    parts = [f"{status.t_ms / 1000.0:9.2f} s", f"{status.inferences} inferences"]
    if status.level_rms is not None:
        parts.append(level_meter(status.level_rms))
    if status.clipped:
        parts.append(f"{status.clipped} samples clipped: lower the gain")
    if status.dropped:
        parts.append(f"{status.dropped} elements dropped: the model is too slow")
    if status.failures:
        parts.append(f"{status.failures} failures")
    return "  ".join(parts)


def level_meter(level: float) -> str:
    """A level (0 … 1 of full scale) as a bar and in dB; the bar is empty at -60 dB.

    >>> level_meter(0.1)
    '[#############       ] -20 dB'
    """
    from math import log10

    decibel = 20.0 * log10(max(level, _LEAST_LEVEL))
    filled = round(_METER_WIDTH * (decibel + _METER_FLOOR_DB) / _METER_FLOOR_DB)
    return f"[{'#' * filled:<{_METER_WIDTH}}] {decibel:.0f} dB"


def monitor(
    client: DeviceClient,
    *,
    show: Callable[[str], None] = print,
    show_status: Callable[[str], None] | None = None,
    duration_s: float | None = None,
) -> int:
    """Shows what a live device reports, for `duration_s` or until interrupted; returns the number of detections.

    `show` gets a line for each event, `show_status` one about once a second.
    """
    count = 0
    try:
        for event in client.events(duration_s):
            if isinstance(event, Status):
                if show_status is not None:
                    show_status(status_text(event))
            else:
                count += not isinstance(event, StreamEnd)
                show(event_text(event))
    except KeyboardInterrupt:
        pass
    return count
