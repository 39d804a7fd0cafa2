"""What a device says, typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from fieldwren.errors import BadInputError, LinkLostError

_Result = TypeVar("_Result")


class DeviceRefusedError(BadInputError):
    """The device understood a command and will not do it; `code` is one of docs/link.md's."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class DeviceRestartedError(LinkLostError):
    """The device began anew in the middle of a session: what it held in RAM is gone."""


@dataclass(frozen=True)
class DeviceInfo:
    """The first line after boot. `sample_rate_hz` is None for an app of rows, `row_interval_ms` for one of audio."""

    protocol: int
    firmware: str
    image: str
    model: str
    model_sha256: str
    board: str
    app: str
    kind: str
    input: str
    columns: int
    sample_rate_hz: int | None
    row_interval_ms: float | None
    labels: int
    payload_bytes: int
    window_bytes: int


@dataclass(frozen=True)
class LinkCounters:
    """What the device's end of the link has seen since it started."""

    lines: int
    lines_broken: int
    frames: int
    frames_broken: int
    repeats: int


@dataclass(frozen=True)
class Status:
    """The answer to `status`. Levels are 0 … 1 of full scale, None for an app of rows."""

    uptime_ms: int
    source: str
    t_ms: int
    queued: int
    dropped: int
    frames: int
    inferences: int
    detections: int
    missed: int
    failures: int
    level_rms: float | None
    level_peak: float | None
    clipped: int | None
    link: LinkCounters


@dataclass(frozen=True)
class Learning:
    """The answer to `learn status`, as far as monitor shows it; docs/link.md has the rest.

    `last`: what became of the last lesson; `unsaved`: the newest of it is not in flash yet; `saved`: number of the newest
    record.
    """

    classes: int
    updates: int
    taught: int
    rollbacks: int
    busy: bool
    last: str | None
    unsaved: bool
    saved: int


@dataclass(frozen=True)
class LabelInfo:
    """One class: its name, the threshold that its smoothed posterior must reach, and what that is now."""

    index: int
    label: str
    threshold: float
    background: bool
    smoothed: float


@dataclass(frozen=True)
class TensorInfo:
    """An input or output of the model; real = scale * (q - zero_point), scale 0 where it is not quantised."""

    name: str
    dtype: str
    bytes: int
    scale: float
    zero_point: int


@dataclass(frozen=True)
class Detected:
    """One detection as the device wrote it; `number` counts from 0 at the start of the stream."""

    t_ms: int
    label: str
    confidence: float
    number: int


@dataclass(frozen=True)
class Values:
    """One result of a regression."""

    t_ms: int
    values: tuple[float, ...]


@dataclass(frozen=True)
class StreamEnd:
    """Everything that was streamed has been heard."""

    t_ms: int
    inferences: int
    detections: int


Event = Detected | Values | StreamEnd


def event_of(fields: Mapping[str, Any]) -> Event | None:
    """The event that a line nobody asked for tells of; None if it is none of these."""
    try:
        if "label" in fields:
            return Detected(int(fields["t_ms"]), str(fields["label"]), float(fields["confidence"]), int(fields["n"]))
        if "values" in fields:
            return Values(int(fields["t_ms"]), tuple(float(value) for value in fields["values"]))
        if fields.get("stream") == "ended":
            return StreamEnd(int(fields["t_ms"]), int(fields["inferences"]), int(fields["detections"]))
    except (KeyError, TypeError, ValueError):
        return None
    return None


def device_info(fields: Mapping[str, Any], where: str) -> DeviceInfo:
    """The identity under the key `fieldwren`, once its protocol is known to be one this host speaks."""
    return _build(DeviceInfo, fields, where, optional=("sample_rate_hz", "row_interval_ms"))


def status(fields: Mapping[str, Any], where: str) -> Status:
    """The answer to `status`."""
    link = fields.get("link")
    counters = _build(LinkCounters, link if isinstance(link, dict) else {}, where)
    return _build(Status, {**fields, "link": counters}, where, optional=("level_rms", "level_peak", "clipped"))


def learning(fields: Mapping[str, Any], where: str) -> Learning:
    """The answer to `learn status`."""
    return _build(Learning, fields, where, optional=("last",))


def label_info(fields: Mapping[str, Any], where: str) -> LabelInfo:
    """The answer to `label`."""
    return _build(LabelInfo, fields, where)


def tensor_info(fields: Mapping[str, Any], where: str) -> TensorInfo:
    """The answer to `tensor`."""
    return _build(TensorInfo, fields, where)


def _build(kind: type[_Result], fields: Mapping[str, Any], where: str, optional: tuple[str, ...] = ()) -> _Result:
    names = kind.__dataclass_fields__  # type: ignore[attr-defined]  # every kind here is a dataclass
    missing = [name for name in names if name not in fields and name not in optional]
    if missing:
        raise LinkLostError(f"{where}: the device's answer lacks {', '.join(missing)}: is that really a fieldwren?")
    return kind(**{name: fields.get(name) for name in names})
