"""An incremental model on the host, fed frame by frame as the app loop of firmware/app does it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fieldwren.core import PORTABLE, Core
from fieldwren.ops.lowering import lower
from fieldwren.plan import plan
from fieldwren.runtime import Interpreter
from fieldwren.streaming.streamed import Streamed


class StreamInterpreter:
    """One instance: `push` takes frames in the input's dtype and gives the outputs whenever a window is due.

    >>> interpreter = StreamInterpreter(stream(graph, window_frames=49, hop_frames=2))
    >>> for outputs in interpreter.push(frames):  # [n, ...], any n
    ...     (probabilities,) = outputs
    """

    def __init__(self, streamed: Streamed, core: Core = PORTABLE) -> None:
        self.streamed = streamed
        self.plan = plan(lower(streamed.graph, core))
        self._phases = [Interpreter(self.plan) for _ in range(streamed.phases)]
        self.reset()

    def reset(self) -> None:
        """Forgets all frames."""
        for phase in self._phases:
            phase.reset()
        port = self.plan.program.inputs[0]
        self._frames = np.zeros((self.streamed.fed_frames, port.nbytes // self.streamed.fed_frames), np.uint8)
        self._runs = 0
        self._until_due = self.streamed.first_frames

    def push(self, frames: NDArray[Any]) -> list[list[NDArray[Any]]]:
        """The outputs of every window that these frames complete; rows of `frames` are frames."""
        port = self.plan.program.inputs[0]
        found = []
        for frame in frames:
            self._frames = np.roll(self._frames, -1, axis=0)
            self._frames[-1] = np.frombuffer(frame.tobytes(), np.uint8)
            self._until_due -= 1
            if self._until_due > 0:
                continue
            self._until_due = self.streamed.hop_frames
            phase = self._phases[self._runs % self.streamed.phases]
            outputs = phase.invoke([self._frames.reshape(-1).view(port.dtype).reshape(port.shape)])
            self._runs += 1
            if self._runs > self.streamed.warm_up:
                found.append(outputs)
        return found
