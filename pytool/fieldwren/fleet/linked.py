"""A member of a fleet at the end of a link: a board, an emulator, a process, or anything else that speaks docs/link.md."""

from __future__ import annotations

import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from fieldwren.device import DeviceClient, DeviceRefusedError
from fieldwren.device.traffic import MeteredStream
from fieldwren.emulators.interface import ByteStream
from fieldwren.errors import BadInputError, LinkLostError
from fieldwren.fleet.device import Vector
from fieldwren.learn.factory import Embeddings

STREAM_FILE = "stream.bin"
"""What `stream start file` reads in the folder of an emulated board."""

_POLL_S = 0.02
_RETRIES = 3
_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class Remembered:
    """What a device must have after task number `sequence`: parameters held, of `version`, and those not sent yet."""

    version: int
    sequence: int
    held: Vector
    unsent: Vector


Connect = Callable[[], AbstractContextManager[ByteStream]]


@dataclass(frozen=True)
class Utterance:
    """One window: samples (int16 [n]), or what the front end makes of rows (the model's input, int8), and its label.

    `is_test`: only heads are measured with it.
    """

    elements: NDArray[Any]
    label: str
    is_test: bool


class LinkedDevice:
    """A FleetDevice behind a link. It is connected when it is needed, and again after the link was lost.

    A device that has restarted is given back what `remembered` says, if that is anything.

    `connect` opens the byte stream. `model` is the CRC-32 of the factory block that the firmware must have. `utterances`
    are what the device is told once; `samples_crc` says what it must have made of them; without any it trains on what its
    own user taught it. `folder` is where an emulated board's bulk channel looks for files; `None`: utterances cross
    the link itself. A task that has not been answered after `timeout_s` is given up.
    """

    def __init__(
        self,
        name: str,
        connect: Connect,
        *,
        model: int,
        timeout_s: float,
        utterances: Sequence[Utterance] = (),
        samples_crc: int | None = None,
        folder: Path | None = None,
        window_bytes: int | None = None,
    ) -> None:
        self._name = name
        self._connect = connect
        self._model = model
        self._timeout_s = timeout_s
        self._utterances = tuple(utterances)
        self._samples_crc = samples_crc
        self._folder = folder
        self._window_bytes = window_bytes
        self._client: DeviceClient | None = None
        self._stream: MeteredStream | None = None
        self._open = ExitStack()
        self._lock = threading.Lock()
        self._forgotten = False
        self.remembered: Callable[[], Remembered | None] = lambda: None
        self._traffic: tuple[Counter[str], Counter[str]] = (Counter(), Counter())

    @property
    def name(self) -> str:
        """What the server and the audit log call it."""
        return self._name

    @property
    def bytes_down(self) -> int:
        """Bytes of tasks sent to it so far, those sent again included."""
        return self.traffic()[0]["task"]

    @property
    def bytes_up(self) -> int:
        """Bytes of updates it has sent so far."""
        return self.traffic()[1]["update"]

    def traffic(self) -> tuple[Counter[str], Counter[str]]:
        """(down, up): all bytes so far by kind, as MeteredStream counts them; `file`: utterances read from a file."""
        down, up = (Counter(part) for part in self._traffic)
        if self._stream is not None:
            down += self._stream.down
            up += self._stream.up
        return down, up

    def take_forgotten(self) -> bool:
        """Whether it was found, since this was asked, to remember no task: it is new, or has restarted."""
        forgotten, self._forgotten = self._forgotten, False
        return forgotten

    def prepare(self) -> None:
        """Connects, and tells the device its utterances unless it has them.

        Raises LinkLostError when it does not answer, BadInputError when it runs another model or hears something else than
        the host does.
        """
        with self._lock:
            self._connected(time.monotonic() + self._timeout_s)

    def adapt(self, task: bytes) -> bytes:
        """One turn of local training. Raises LinkLostError when the answer does not come in time."""
        with self._lock:
            return self._until(
                lambda client: self._exchange(client, task), f"no answer to a task in {self._timeout_s:g} s"
            )

    def evaluate(self, head: Vector) -> tuple[int, int]:
        """(correct, tested) of its own test samples with another head; its own stays as it is."""

        def ask(client: DeviceClient) -> tuple[int, int]:
            client.put("task", head.astype("<f4").tobytes())
            said = client.command("fleet evaluate")
            return int(said["correct"]), int(said["tested"])

        with self._lock:
            return self._until(ask, f"no answer in {self._timeout_s:g} s")

    def adopt(self, head: Vector) -> None:
        """Makes `head` the one that the device works with, and saves it where there is flash."""

        def give(client: DeviceClient) -> None:
            client.put("task", head.astype("<f4").tobytes())
            client.command("fleet adopt")
            self._save(client)

        with self._lock:
            self._until(give, f"took no head in {self._timeout_s:g} s")

    def close(self) -> None:
        """Lets go of the link."""
        if self._stream is not None:
            self._traffic = self.traffic()
        self._client = self._stream = None
        self._open.close()

    def _until(self, ask: Callable[[DeviceClient], _Answer], complaint: str) -> _Answer:
        """Asks until there is an answer, over new connections where the old one is lost."""
        deadline = time.monotonic() + self._timeout_s
        lost: LinkLostError | None = None
        for _ in range(_RETRIES):
            try:
                return ask(self._connected(deadline))
            except LinkLostError as error:
                lost = error
                self.close()
            if time.monotonic() >= deadline:
                break
        raise LinkLostError(f"{self._name}: {complaint}") from lost

    def _exchange(self, client: DeviceClient, task: bytes) -> bytes:
        deadline = time.monotonic() + self._timeout_s
        client.put("task", task)
        client.command("fleet begin")
        while client.command("fleet status")["busy"]:
            if time.monotonic() >= deadline:
                raise LinkLostError(f"{self._name}: is still busy with its task")
            time.sleep(_POLL_S)
        return client.get("update")

    def _connected(self, deadline: float) -> DeviceClient:
        if self._client is not None:
            return self._client
        try:
            self._stream = MeteredStream(self._open.enter_context(self._connect()))
            remaining = max(1.0, deadline - time.monotonic())
            client = DeviceClient(self._stream, self._name, timeout_s=remaining, window_bytes=self._window_bytes)
            self._check(client)
            self._tell(client)
            self._remind(client)
        except BaseException:
            self.close()
            raise
        self._client = client
        return client

    def _check(self, client: DeviceClient) -> None:
        try:
            said = client.command("fleet status")
        except DeviceRefusedError as error:
            raise BadInputError(
                f"{self._name}: its firmware is in no fleet: build it with [learn] fleet = true"
            ) from error
        if said["model"] != f"{self._model:08x}":
            raise BadInputError(
                f"{self._name}: learns with another model or other settings: flash the fleet's firmware"
            )
        self._forgotten |= said["task"] == 0

    def _remind(self, client: DeviceClient) -> None:
        """After a restart, of what it had forgotten; firmware that cannot be reminded begins anew."""
        known = self.remembered() if self._forgotten else None
        if known is None:
            return
        try:
            for values, what in ((known.unsent, "unsent"), (known.held, f"held {known.version} {known.sequence}")):
                client.put("task", values.astype("<f4").tobytes())
                client.command(f"fleet restore {what}")
        except DeviceRefusedError:
            return
        self._forgotten = False

    def _tell(self, client: DeviceClient) -> None:
        """Each utterance once: a device that has them all keeps them, also over a restart."""
        if not self._utterances or self._samples_crc is None:
            return
        wanted = f"{self._samples_crc:08x}"
        if client.command("fleet status")["samples_crc32"] == wanted:
            return
        client.command("reset learned")
        for utterance in self._utterances:
            self._hear(client, utterance.elements)
            client.command(f"fleet keep {utterance.label}{' test' if utterance.is_test else ''}")
        if client.command("fleet status")["samples_crc32"] != wanted:
            raise BadInputError(f"{self._name}: makes other embeddings of the same recordings than this computer")
        self._save(client)

    def _save(self, client: DeviceClient) -> None:
        if client.command("learn status")["store"]:
            client.command("save")
            while client.command("learn status")["busy"]:
                time.sleep(_POLL_S)

    def _hear(self, client: DeviceClient, elements: NDArray[Any]) -> None:
        if elements.dtype == np.int8:
            client.put("in0", elements.tobytes())
            client.command("infer")
            return
        if self._folder is None:
            for _ in client.stream(elements):
                pass
            return
        data = elements.astype("<i2").tobytes()
        (self._folder / STREAM_FILE).write_bytes(data)
        self._traffic[0]["file"] += len(data)
        client.command("stream start file")
        while client.command("status")["source"] == "link":
            time.sleep(_POLL_S / 4)


def samples_crc(
    classes: int, taught: Embeddings, labels: Sequence[int], tests: Embeddings, test_labels: Sequence[int]
) -> int:
    """What `fleet status` says of a device that kept `taught` and `tests` [n, features] in this order."""
    crc = 0
    numbers = np.asarray(labels, np.int64)
    for number in range(classes):
        rows = taught[numbers == number]
        crc = zlib.crc32(rows.tobytes(), zlib.crc32(bytes([len(rows)]), crc))
    return zlib.crc32(tests.tobytes(), zlib.crc32(np.asarray(test_labels, "<u2").tobytes(), crc))
