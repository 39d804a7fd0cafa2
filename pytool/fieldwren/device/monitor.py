"""Watching a device: detections as they come, and how loud it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from fieldwren.device.client import DeviceClient
from fieldwren.device.results import Detected, Event, Learning, Status, StreamEnd, Values

if TYPE_CHECKING:
    from fieldwren.device.recording import Recorder

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


def learning_text(learning: Learning) -> str:
    """What the device has learned as one line for people."""
    parts = [f"learned: {learning.classes} classes", f"{learning.taught} lessons", f"{learning.updates} updates"]
    if learning.busy:
        parts.append("learning now")
    if learning.last in ("rolled_back", "fault"):
        parts.append(f"the last lesson was {'taken back' if learning.last == 'rolled_back' else 'faulty'}")
    if learning.rollbacks:
        parts.append(f"{learning.rollbacks} taken back")
    parts.append("not saved yet" if learning.unsaved else f"record {learning.saved}")
    return ", ".join(parts)


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
    on_event: Callable[[Event], None] | None = None,
    recorder: Recorder | None = None,
) -> int:
    """Shows what a live device reports, for `duration_s` or until interrupted; returns the number of detections.

    `show` gets a line for each event (or `on_event` the event), `show_status` one about once a second, and another when what the device
    has learned has changed. `recorder` gets everything.
    """
    count = 0
    learned: Learning | None = None
    try:
        for event in client.events(duration_s):
            if isinstance(event, Status):
                if show_status is not None:
                    show_status(status_text(event))
            elif isinstance(event, Learning):
                if show_status is not None and event != learned:
                    show_status(learning_text(event))
                learned = event
            else:
                count += not isinstance(event, StreamEnd)
                if on_event is not None:
                    on_event(event)
                else:
                    show(event_text(event))
            if recorder is not None:
                recorder.note(event)
                recorder.step()
    except KeyboardInterrupt:
        pass
    return count
