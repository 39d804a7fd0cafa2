"""Characters, a regression and an autoencoder learn on emulated boards: taught over the link, better for it, and after a
reboot what they learned is still there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from emulators.test_learning import running
from fieldwren.datasets import image_rows
from fieldwren.device import DeviceClient
from fieldwren.device.results import DeviceRefusedError, Values
from fieldwren.drawings import read_drawings
from fieldwren.learn.device import wait
from fieldwren.rows import read_rows
from support import require_data

CHANNELS = ("Temperature", "Humidity", "Light", "CO2", "HumidityRatio")
ROWS = 21
"""As many as the anomaly app's front end looks back."""


def reboot(client: DeviceClient) -> None:
    client.command("save")
    assert not wait(client)["failed"]
    client.reboot()
    assert client.command("learn status")["origin"] == "saved"


@pytest.mark.emulator
@pytest.mark.slow
def test_characters_reads_a_letter_it_was_shown() -> None:
    drawings = [d for d in read_drawings(require_data("omniglot"), ["Greek"]) if d.label == "Greek/05"]
    with running("characters", "mps2-an386") as (client, model):
        front_end: Any = model.front_end
        images = [image_rows(front_end, [drawing.ink]) for drawing in drawings[:8]]

        def read() -> list[str]:
            found = []
            for image in images[5:]:
                assert list(client.stream(image))[-1].inferences == 1  # type: ignore[union-attr]
                found.append(str(client.command("learn answer")["label"]))
            return found

        assert "epsilon" not in read()
        client.command("class add epsilon")
        for image in images[:5]:
            list(client.stream(image))
            client.command("teach epsilon")
            wait(client)
        client.command("practise 20")
        wait(client)
        assert read() == ["epsilon"] * 3
        reboot(client)
        assert read() == ["epsilon"] * 3


def drifted(count: int, seed: int) -> NDArray[np.float32]:
    x = np.random.default_rng(seed).uniform(0, 2 * np.pi, count)
    return np.column_stack([x, 1.2 * np.sin(x + 0.7)]).astype(np.float32)


def error(client: DeviceClient, rows: NDArray[np.float32]) -> float:
    asked = rows.copy()
    asked[:, 1] = np.nan
    given = [event.values[0] for event in client.stream(asked) if isinstance(event, Values)]
    return float(np.sqrt(np.mean(np.square(np.array(given) - rows[:, 1]))))


@pytest.mark.emulator
@pytest.mark.slow
@pytest.mark.parametrize("board", ["mps2-an385", "microbit"])
def test_a_sine_that_drifted_is_learned_from_its_rows(board: str) -> None:
    taught, tested = drifted(200, 1), drifted(40, 2)
    with running("sine", board) as (client, _):
        before = error(client, tested)
        assert client.command("learn status")["updates"] == 0  # rows without y teach nothing
        list(client.stream(taught))
        assert wait(client)["updates"] == 200
        after = error(client, tested)
        assert before > 0.4
        assert after < 0.05
        reboot(client)
        assert error(client, tested) == after
        for command in ("class add other", "practise 1"):
            with pytest.raises(DeviceRefusedError, match="values, not classes"):
                client.command(command)


def confidence(client: DeviceClient, windows: Sequence[NDArray[np.float32]]) -> float:
    found = []
    for rows in windows:
        list(client.stream(rows))
        said = client.command("learn answer")
        share = float(said["confidence"])
        found.append(share if said["label"] == "anomaly" else 1 - share)
    return float(np.mean(found))


@pytest.mark.emulator
@pytest.mark.slow
def test_an_autoencoder_takes_a_new_room_for_normal_and_a_fault_for_none() -> None:
    table = read_rows(require_data("presence", "occupancy", "datatest.txt"), CHANNELS)[:220].astype(np.float32)
    room = table * np.array([1, 1, 0.5, 1, 1], np.float32) + np.array([2, 0, 0, 150, 0], np.float32)
    normal = [room[at : at + ROWS] for at in (160, 180)]
    faulty = [rows.copy() for rows in normal]
    for rows in faulty:
        rows[-5:, 0] = 0.0  # the thermometer drops out
    with running("anomaly", "mps2-an386") as (client, _):
        before = confidence(client, normal)
        list(client.stream(room[: ROWS + 5]))
        assert client.command("learn status")["updates"] == 0  # nobody said that it is normal
        client.command("set teach_below 1")
        list(client.stream(room[:150]))
        client.command("set teach_below 0")
        assert wait(client)["updates"] == 150 - ROWS + 1
        after = confidence(client, normal)
        assert after < 0.5 * before
        assert confidence(client, faulty) > 0.85
        with pytest.raises(DeviceRefusedError, match="only what is normal"):
            client.command("teach anomaly")
        client.command("teach normal")
        wait(client)
        taught = confidence(client, normal)
        reboot(client)
        assert confidence(client, normal) == taught
