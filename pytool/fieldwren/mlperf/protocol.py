"""The host's side of the MLPerf Tiny device protocol: commands that end with `%`, answers up to `m-ready`."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

from fieldwren.emulators.interface import ByteStream
from fieldwren.errors import LinkLostError

READY = "m-ready"
_BYTES_PER_COMMAND = 31
"""As the public runner sends them."""
_CHUNK = 4096
_ANSWER_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Inference:
    """What `infer` answered: the results, and the microseconds between the two time stamps."""

    results: tuple[float, ...]
    elapsed_us: int


class BenchmarkDevice:
    """A device that speaks the protocol, over any byte stream."""

    def __init__(self, stream: ByteStream, name: str) -> None:
        self._stream = stream
        self._name = name
        self._pending = b""

    def wait_until_ready(self, timeout_s: float = _ANSWER_TIMEOUT_S) -> list[str]:
        """The lines up to the next `m-ready`. Raises LinkLostError when it does not come."""
        deadline = time.monotonic() + timeout_s
        lines: list[str] = []
        while True:
            while b"\n" not in self._pending:
                left = deadline - time.monotonic()
                if left <= 0:
                    last = f": its last line was {lines[-1]!r}" if lines else ""
                    raise LinkLostError(f"{self._name}: no {READY} within {timeout_s:g} s{last}")
                self._pending += self._stream.read(_CHUNK, left)
            line, _, self._pending = self._pending.partition(b"\n")
            text = line.decode("ascii", "replace").strip()
            if text == READY:
                return lines
            lines.append(text)

    def command(self, text: str, timeout_s: float = _ANSWER_TIMEOUT_S) -> list[str]:
        """Sends one command. Raises LinkLostError for a device that does not answer, or answers with an error."""
        self._stream.write(f"{text}%".encode("ascii"))
        lines = self.wait_until_ready(timeout_s)
        error = next((line for line in lines if line.startswith("e-[")), None)
        if error is not None:
            raise LinkLostError(f"{self._name}: refuses {text[:40]!r}: {error}")
        return lines

    def identify(self) -> tuple[str, str, str]:
        """(name of the device, version of the protocol, model)."""
        lines = [*self.command("name"), *self.command("profile")]
        found = []
        for pattern in (r"m-name-dut-\[(.*)\]", r"m-profile-\[(.*)\]", r"m-model-\[(.*)\]"):
            match = next(filter(None, (re.fullmatch(pattern, line) for line in lines)), None)
            if match is None:
                raise LinkLostError(f"{self._name}: is no MLPerf Tiny device: it answered {lines}")
            found.append(match[1])
        return found[0], found[1], found[2]

    def load(self, data: bytes) -> None:
        """Sends the bytes of one input."""
        self.command(f"db load {len(data)}")
        answer: list[str] = []
        for start in range(0, len(data), _BYTES_PER_COMMAND):
            answer = self.command(f"db {data[start : start + _BYTES_PER_COMMAND].hex()}")
        if "m-load-done" not in answer:
            raise LinkLostError(f"{self._name}: did not take all {len(data)} bytes of an input")

    def infer(self, iterations: int, warm_ups: int, timeout_s: float) -> Inference:
        """Runs `warm_ups` + `iterations` inferences; only the latter lie between the time stamps."""
        lines = self.command(f"infer {iterations} {warm_ups}", timeout_s)
        laps = [int(line.removeprefix("m-lap-us-")) for line in lines if line.startswith("m-lap-us-")]
        shown = next(
            (re.fullmatch(r"m-results-\[(.*)\]", line) for line in lines if line.startswith("m-results")), None
        )
        if len(laps) != 2 or shown is None:
            raise LinkLostError(f"{self._name}: an inference gave no times or no results: {lines}")
        return Inference(tuple(float(value) for value in shown[1].split(",")), laps[1] - laps[0])
