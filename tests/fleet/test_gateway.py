"""The gateway: many links at once, and devices that vanish, stutter, lie, come late or come back."""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest

from fieldwren.device import open_transport
from fieldwren.device.transport import ProcessTransport
from fieldwren.emulators.interface import ByteStream
from fieldwren.emulators.terminal import terminal
from fieldwren.errors import BadInputError, LinkLostError
from fieldwren.fleet import wire
from fieldwren.fleet.device import FleetDevice
from fieldwren.fleet.gateway import GatewayDevice, gateway_facts, serving
from fieldwren.fleet.linked import LinkedDevice
from fieldwren.fleet.members import CheckedDevice, Member
from fieldwren.fleet.members import closing as members_closing
from fieldwren.fleet.run import Gateway
from fieldwren.fleet.server import Server
from fleet.members import TinyFleet, process
from link import devices


def rounds(server: Server, members: list[Member], *, timeout_s: float = 20.0) -> Gateway:
    """All rounds of a server."""
    gateway = Gateway(server, members, timeout_s, lambda: None)
    try:
        gateway.prepare()
        while not server.is_finished:
            gateway.wave()
        gateway.drain()
    finally:
        gateway.close()
    return gateway


def is_balanced(gateway: Gateway) -> bool:
    """Every update that was sent was applied once, or rejected for a reason; nothing else was applied."""
    server = gateway.server
    verdicts = Counter(entry.verdict for entry in server.audit)
    applied = Counter((e.round, e.device) for e in server.audit if e.verdict == "applied")
    assert gateway.sent == len(server.audit) == sum(verdicts.values())
    assert verdicts == +server.state.verdicts
    return all(count == 1 for count in applied.values())


def head_of_simulation(tiny: TinyFleet) -> str:
    """The same federation with virtual devices."""
    server = tiny.server()
    rounds(server, tiny.virtual(tiny.names))
    return server.head_sha256


@contextmanager
def tcp(executable: Path, folder: Path) -> Iterator[str]:
    """The address of a device behind TCP."""
    with socket.create_server(("127.0.0.1", 0)) as listener, closing(devices.start(executable, folder)) as device:
        over = threading.Event()

        def pump() -> None:
            stream, _ = listener.accept()
            with stream:
                stream.settimeout(0.01)
                while not over.is_set():
                    try:
                        if not (data := stream.recv(4096)):
                            return
                        device.write(data)
                    except TimeoutError:
                        pass
                    while back := device.read(4096, 0.001):
                        stream.sendall(back)

        thread = threading.Thread(target=pump)
        thread.start()
        yield f"tcp:127.0.0.1:{listener.getsockname()[1]}"
        over.set()
        thread.join()


@pytest.mark.slow
def test_devices_behind_processes_terminals_and_sockets_learn_what_virtual_ones_do(
    fleet_device: Path, tmp_path: Path
) -> None:
    tiny = TinyFleet(4, tmp_path / "app", strategy={"name": "tinymetafed", "clients_per_round": 4, "inner_steps": 7})
    with ExitStack() as open_:
        folders = [tmp_path / name for name in tiny.names]
        for folder in folders:
            folder.mkdir()
        behind = open_.enter_context(closing(devices.start(fleet_device, folders[2])))
        ports = [open_.enter_context(terminal(behind)), open_.enter_context(tcp(fleet_device, folders[3]))]
        connects = [process(fleet_device, folders[0]), process(fleet_device, folders[1])]
        connects += [
            lambda address=address: closing(open_transport(address)) for address in (f"pty:{ports[0]}", ports[1])
        ]
        members = [tiny.checked(tiny.link(n, connect)) for n, connect in zip(tiny.names, connects, strict=True)]
        open_.enter_context(members_closing(members))
        server = tiny.server()
        gateway = rounds(server, members)
        assert is_balanced(gateway)
        checked = [member.device for member in members if isinstance(member.device, CheckedDevice)]
        assert [(device.equal, device.unequal) for device in checked] == [(3, 0)] * 4
        assert [(done.clients, done.dropped) for done in server.state.rounds] == [(4, 0)] * 3
    assert server.head_sha256 == head_of_simulation(tiny)


class Cut:
    """A device's end that dies, with the process behind it, when so many bytes have gone to it."""

    def __init__(self, device: ProcessTransport, after: int) -> None:
        self._device, self._left = device, after

    def write(self, data: bytes) -> None:
        self._left -= len(data)
        if self._left < 0:
            self._device.close()
            raise LinkLostError("cut")
        self._device.write(data)

    def read(self, size: int, timeout_s: float) -> bytes:
        return self._device.read(size, timeout_s)


@pytest.mark.slow
def test_links_that_lose_and_damage_and_devices_that_die_cost_nothing(fleet_device: Path, tmp_path: Path) -> None:
    """One bad line in each direction, one device that dies again and again; the same head as without."""
    tiny = TinyFleet(3, tmp_path / "app")
    lives = Random(4)

    def noisy() -> Iterator[ByteStream]:
        with closing(devices.start(fleet_device, tmp_path / "noisy")) as device:
            yield devices.BadLine(device, seed=8, rate=0.03)

    def mortal() -> Iterator[ByteStream]:
        with closing(devices.start(fleet_device, tmp_path / "mortal")) as device:
            yield Cut(device, lives.randrange(9000, 16000))

    for name in ("noisy", "mortal"):
        (tmp_path / name).mkdir()
    connects = [process(fleet_device, tmp_path / "good"), contextmanager(noisy), contextmanager(mortal)]
    members = [tiny.checked(tiny.link(n, c, timeout_s=60.0)) for n, c in zip(tiny.names, connects, strict=True)]
    with members_closing(members):
        server = tiny.server()
        gateway = rounds(server, members, timeout_s=60.0)
    assert is_balanced(gateway)
    checked = [member.device for member in members if isinstance(member.device, CheckedDevice)]
    assert all(device.unequal == 0 for device in checked)
    assert server.head_sha256 == head_of_simulation(tiny)


class Faulty:
    """A virtual device that does something else in some rounds, counted from 1."""

    def __init__(self, device: FleetDevice, faults: dict[int, str]) -> None:
        self._device, self._faults = device, faults
        self.name = device.name
        self.bytes_down = self.bytes_up = 0

    def adapt(self, task: bytes) -> bytes:
        number = wire.decode_task(task).sequence
        fault = self._faults.get(number, self._faults.get(0))
        answer = self._device.adapt(task)
        update = wire.decode_update(answer)
        if fault == "vanish":
            raise LinkLostError("gone")
        if fault == "late":
            time.sleep(0.8)
        elif fault == "nan":
            update = replace(update, change=np.full_like(update.change, np.nan))
        elif fault == "model":
            update = replace(update, model=update.model ^ 1)
        elif fault == "long":
            update = replace(update, change=np.zeros(len(update.change) + 1, np.float32))
        elif fault == "old":
            update = replace(update, sequence=update.sequence - 1)
        elif fault == "bits":
            return answer[:20] + bytes([answer[20] ^ 64]) + answer[21:]
        return wire.encode_update(update, "float32") if fault else answer

    def evaluate(self, head: np.ndarray) -> tuple[int, int]:
        return self._device.evaluate(head)


def test_faults_end_in_a_verdict_and_the_round_goes_on(tmp_path: Path) -> None:
    tiny = TinyFleet(8, tmp_path / "app", rounds=4, quarantine_after=2)
    plans = [{}, {2: "vanish"}, {2: "late"}, {0: "nan"}, {0: "model"}, {1: "long"}, {2: "old"}, {1: "bits", 3: "bits"}]
    members = [
        Member(name, "host", name, Faulty(tiny.twin(name), plan))  # type: ignore[arg-type]  # a stand-in
        for name, plan in zip(tiny.names, plans, strict=True)
    ]
    server = tiny.server()
    gateway = rounds(server, members, timeout_s=0.4)
    assert is_balanced(gateway)
    verdicts = {(entry.round + 1, entry.device): entry.verdict for entry in server.audit}
    n = tiny.names
    assert (2, n[1]) not in verdicts
    assert gateway.tallies[n[1]].dropped == 1
    assert [verdicts[number, n[3]] for number in (1, 2)] == ["not finite"] * 2
    assert [verdicts[number, n[4]] for number in (1, 2)] == ["other model"] * 2
    assert verdicts[1, n[5]] == "wrong length"
    assert verdicts[2, n[6]] == "late"
    assert verdicts[1, n[7]] == verdicts[3, n[7]] == "corrupt"
    assert "late" in {e.verdict for e in server.audit if e.device == n[2]}
    # Two bad answers in a row, and the device is asked no more; the reason is on record.
    assert set(server.state.quarantined) == {n[3], n[4]}
    assert [entry.round + 1 for entry in server.audit if entry.device == n[3]] == [1, 2]
    assert [done.clients + done.dropped for done in server.state.rounds] == [8, 8, 6, 6]
    assert all(np.isfinite(server.state.head))


def test_an_answer_that_comes_twice_is_applied_once(tmp_path: Path) -> None:
    tiny = TinyFleet(2, tmp_path / "app", rounds=1)
    once, twice = tiny.server(), tiny.server()
    for server, repeats in ((once, 1), (twice, 3)):
        for name, task in server.begin_wave():
            answer = tiny.twin(name).adapt(task)
            for _ in range(repeats):
                server.receive(name, answer)
        server.end_wave()
    assert once.head_sha256 == twice.head_sha256
    assert twice.state.verdicts == Counter(applied=2, duplicate=4)


def test_an_answer_with_other_bits_than_the_twins_is_noticed(tmp_path: Path) -> None:
    tiny = TinyFleet(1, tmp_path / "app")
    name = tiny.names[0]

    class Link(Faulty):
        def prepare(self) -> None:
            pass

        def take_forgotten(self) -> bool:
            return False

    device = CheckedDevice(
        Link(tiny.twin(name), {2: "old"}),  # type: ignore[arg-type]  # a stand-in
        tiny.twin(name),
        tiny.learner.new_memory,
    )
    server = tiny.server()
    gateway = rounds(server, [Member(name, "host", name, device)])
    assert is_balanced(gateway)
    assert (device.equal, device.unequal) == (2, 1)


def test_other_firmware_is_named(fleet_device: Path, learning_device: Path, tmp_path: Path) -> None:
    tiny = TinyFleet(2, tmp_path / "app")
    link = tiny.link(tiny.names[0], process(learning_device, tmp_path / "a"))
    with pytest.raises(BadInputError, match="is in no fleet"):
        link.prepare()
    other = LinkedDevice("x", process(fleet_device, tmp_path / "b"), model=1, timeout_s=20.0)
    with pytest.raises(BadInputError, match="another model"):
        other.prepare()
    other.close()
    told = tiny.link(tiny.names[0], process(fleet_device, tmp_path / "c"))
    told._samples_crc = 5
    with pytest.raises(BadInputError, match="other embeddings"):
        told.prepare()


def test_another_process_asks_through_the_gateways_socket(tmp_path: Path) -> None:
    tiny = TinyFleet(2, tmp_path / "app")
    path = tmp_path / "socket"
    (name, task), _ = tiny.server().begin_wave()
    about = {"model": tiny.learner.model, "classes": 3, "features": 3}
    with serving([tiny.twin(n) for n in tiny.names], path, about):
        facts = gateway_facts(path)
        assert (facts.devices, facts.model) == (tuple(tiny.names), tiny.learner.model)
        assert path.stat().st_mode & 0o777 == 0o600
        device = GatewayDevice(path, name, 5.0)
        assert device.adapt(task) == tiny.twin(name).adapt(task)
        head = tiny.population.factory.head
        assert device.evaluate(head) == tiny.twin(name).evaluate(head)
        with pytest.raises(LinkLostError, match="no such device"):
            GatewayDevice(path, "nobody", 5.0).adapt(task)
        device.close()
    with pytest.raises(LinkLostError, match="no gateway listens"):
        GatewayDevice(path, name, 5.0)
