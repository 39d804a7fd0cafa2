"""What the parameters of all kinds share: the JSON form and the checks of fields."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any, ClassVar, Literal, Self

from fieldwren.errors import BadInputError

SCHEMA = 1
Rounding = Literal["nearest", "truncate"]


def require(condition: bool, message: str) -> None:
    """Raises BadInputError with `message` unless `condition` holds."""
    if not condition:
        raise BadInputError(f"front end: {message}")


class Parameters:
    """JSON form shared by all kinds: {"schema": 1, "kind": …, fields …}, unknown or missing fields refused."""

    kind: ClassVar[str]

    def to_json(self) -> str:
        """One line of JSON with every field, for the model's metadata."""
        fields = dataclasses.asdict(self)  # type: ignore[call-overload]  # every subclass is a dataclass
        return json.dumps({"schema": SCHEMA, "kind": self.kind, **fields})

    @classmethod
    def from_fields(cls, fields: dict[str, Any]) -> Self:
        """An instance from the fields of a JSON object; unknown and missing ones are named in the error."""
        known = {f.name: f for f in dataclasses.fields(cls)}  # type: ignore[arg-type]  # as above
        unknown = sorted(set(fields) - set(known))
        require(not unknown, f"unknown field {', '.join(unknown)} for kind {cls.kind}")
        missing = sorted(
            name
            for name, f in known.items()
            if name not in fields and f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
        )
        require(not missing, f"field {', '.join(missing)} is missing for kind {cls.kind}")
        return cls(**{name: _frozen(value) for name, value in fields.items()})


class FramedParameters(Parameters):
    """Front ends that cut samples into overlapping frames."""

    sample_rate_hz: int
    window_samples: int
    hop_samples: int
    window_frames: int

    @property
    def window_total_samples(self) -> int:
        """Samples from the first of the oldest frame to the last of the newest frame of a window."""
        return (self.window_frames - 1) * self.hop_samples + self.window_samples

    @property
    def hop_ms(self) -> float:
        """Time from one frame to the next."""
        return 1000.0 * self.hop_samples / self.sample_rate_hz

    def frame_count(self, samples: int) -> int:
        """Frames that `samples` samples hold, without padding."""
        return 0 if samples < self.window_samples else (samples - self.window_samples) // self.hop_samples + 1


def _frozen(value: Any) -> Any:
    return tuple(_frozen(v) for v in value) if isinstance(value, list) else value


def is_int(value: Any) -> bool:
    """An int that is not a bool."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_real(value: Any) -> bool:
    """A finite int or float."""
    return (is_int(value) and abs(value) < 2**1000) or (isinstance(value, float) and math.isfinite(value))


def check_int(owner: Any, name: str, low: int, high: int) -> None:
    """Field `name` of `owner` is an integer in the range."""
    value = getattr(owner, name)
    require(
        is_int(value) and low <= value <= high,
        f"{name} is {value!r}, must be an integer from {low} to {high}",
    )


def check_real(owner: Any, name: str, low: float, high: float) -> None:
    """Field `name` of `owner` is a finite number in the range."""
    value = getattr(owner, name)
    require(
        is_real(value) and low <= value <= high,
        f"{name} is {value!r}, must be a number from {low} to {high}",
    )


def check_choice(owner: Any, name: str, choices: tuple[Any, ...]) -> None:
    """Field `name` of `owner` is one of `choices`."""
    value = getattr(owner, name)
    require(value in choices, f"{name} is {value!r}, must be one of {', '.join(map(str, choices))}")


def check_clip(clip: Any, name: str = "clip") -> None:
    """`clip` is None or (lower, higher)."""
    require(
        clip is None or (isinstance(clip, tuple) and len(clip) == 2 and all(map(is_real, clip)) and clip[0] < clip[1]),
        f"{name} is {clip!r}, must be null or a lower and a higher number",
    )


def check_tuple(owner: Any, name: str, item: type, count: int | None) -> None:
    """Field `name` of `owner` is a tuple of `item`, with `count` entries unless that is None."""
    values = getattr(owner, name)
    fits = {str: lambda v: isinstance(v, str) and v != "", int: is_int, float: is_real}[item]
    require(
        isinstance(values, tuple) and all(map(fits, values)) and count in (None, len(values)),
        f"{name} is {values!r}, must be a list of {'' if count is None else f'{count} '}{item.__name__} values",
    )
