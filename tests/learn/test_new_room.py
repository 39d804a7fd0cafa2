"""examples/presence as it is shipped, in a new room, and with labels of one side only."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from fieldwren import paths
from fieldwren.app import load_app
from fieldwren.app_streaming import load_device_app
from fieldwren.boards import load_board
from fieldwren.features import SensorFrontEnd, row_windows
from fieldwren.learn import Factory, Script, run_script
from fieldwren.learn.factory import Embeddings
from fieldwren.rows import read_rows
from fieldwren.runtime import Interpreter
from support import require_data

OTHER_GAIN, OTHER_OFFSET = (1.0, 1.0, 0.5, 1.0, 1.0), (2.0, 0.0, 0.0, 150.0, 0.0)


class Room:
    """The held-out days: embeddings [n, features] in the room of the training days and in another, and 0 or 1."""

    def __init__(self, days: str = "datatest.txt") -> None:
        model, planned = load_device_app(load_app(paths.examples() / "presence"), load_board("host"))
        front_end = model.front_end
        assert isinstance(front_end, SensorFrontEnd)
        assert model.factory is not None
        assert model.app.learn is not None
        table = read_rows(require_data("presence", "occupancy", days), (*front_end.channels, "Occupancy"))
        interpreter, port = Interpreter(planned), planned.program.inputs[0]

        def embeddings(rows: NDArray[np.float64]) -> Embeddings:
            windows = row_windows(front_end, rows, np.int8, port.scale, port.zero_point).inputs
            return np.array([interpreter.invoke([w.reshape(port.shape)])[0].ravel() for w in windows], np.int8)

        self.factory: Factory = model.factory
        self.passes = model.app.learn.passes
        self.labels = table[:, -1].astype(int)
        self.known = embeddings(table[:, :-1])
        self.other = embeddings(table[:, :-1] * OTHER_GAIN + OTHER_OFFSET)

    def accuracy(self, rows: Embeddings, taught: NDArray[np.int64], tested: NDArray[np.int64]) -> float:
        """After teaching some rows and practising as the verb does."""
        script = Script(self.factory.row_bytes)
        for i in taught:
            script.teach(rows[i], int(self.labels[i]))
        if len(taught):
            script.practise(self.passes)
        asked = [script.classify(rows[i]) for i in tested]
        replies = run_script(self.factory, script).replies
        return float((replies["label"][asked] == self.labels[tested]).mean())


@pytest.fixture(scope="module")
def room() -> Room:
    return Room()


@pytest.fixture(scope="module")
def trained_room() -> Room:
    """The days that the model was trained on."""
    return Room("datatraining.txt")


def test_fifty_labels_are_enough_in_a_new_room(room: Room) -> None:
    everything = np.arange(len(room.labels))
    original = room.accuracy(room.known, everything[:0], everything)
    assert room.accuracy(room.other, everything[:0], everything) < original - 0.2
    after = []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        taught = np.concatenate([rng.permutation(np.flatnonzero(room.labels == side))[:25] for side in (0, 1)])
        after.append(room.accuracy(room.other, rng.permutation(taught), np.setdiff1d(everything, taught)))
    assert np.mean(after) >= original - 0.01
    assert min(after) >= original - 0.015


@pytest.mark.parametrize("days", ["room", "trained_room"])
@pytest.mark.parametrize("side", [0, 1])
def test_labels_of_one_side_do_no_harm(days: str, side: int, request: pytest.FixtureRequest) -> None:
    """Fifty minutes in a row, from several hours: on the mean nothing is lost, nowhere more than two rows in a thousand."""
    room: Room = request.getfixturevalue(days)
    everything = np.arange(len(room.labels))
    starts = [i for i in range(0, len(everything) - 50, 25) if (room.labels[i : i + 50] == side).all()]
    for rows in (room.known, room.other):
        changes = []
        for start in starts[:: max(1, len(starts) // 5)]:
            taught = everything[start : start + 50]
            tested = np.setdiff1d(everything, taught)
            changes.append(room.accuracy(rows, taught, tested) - room.accuracy(rows, taught[:0], tested))
        assert len(changes) >= 5
        assert np.mean(changes) >= -0.0005, changes
        assert min(changes) >= -0.002, changes
