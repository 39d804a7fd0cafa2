"""`fieldwren learn`: teaching an app on its device, and looking after what it has learned."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fieldwren import paths
from fieldwren.app import load_app
from fieldwren.app_model import AppModel
from fieldwren.app_streaming import load_device_app
from fieldwren.boards import load_board
from fieldwren.datasets import centred, image_rows
from fieldwren.device import DeviceClient
from fieldwren.drawings import read_ink
from fieldwren.emulators import emulator_for
from fieldwren.errors import BadInputError, LinkLostError
from fieldwren.features import SensorFrontEnd
from fieldwren.features.wav import read_any_wav
from fieldwren.files import written_whole
from fieldwren.images import cached_image
from fieldwren.learn.settings import VALUE_KINDS
from fieldwren.render.app import app_sources
from fieldwren.rows import read_rows

Feedback = Literal["right", "wrong"]
_BUSY_TIMEOUT_S = 120.0
_POLL_S = 0.02
_TESTS_MOST = 20


@dataclass(frozen=True)
class ClassState:
    """One class on the device: embeddings taught since the reset, and whether a person added it."""

    label: str
    taught: int
    added: bool


@dataclass(frozen=True)
class LearnStatus:
    """What the device has learned. `saves` counts records since the flash was new; `origin` is what it booted with.

    Answers of a confidence under `reject_below` are none of the classes.
    """

    app: str
    device: str
    classes: tuple[ClassState, ...]
    classes_most: int
    updates: int
    rollbacks: int
    guard: int
    reject_below: float
    origin: str
    unsaved: bool
    saves: int
    can_save: bool


@dataclass(frozen=True)
class TeachResult:
    """Shares of right answers before and after; `measured_on` is "others" (samples not taught) or "taught".

    `rolled_back` lessons were taken back by the guard.
    """

    app: str
    device: str
    label: str
    is_new: bool
    taught: int
    rolled_back: int
    updates: int
    accuracy_before: float
    accuracy_after: float
    measured_on: str
    saved: bool


@contextmanager
def connected(
    app: str | Path, *, board: str = "host", port: str | None = None, state: Path | None = None
) -> Iterator[tuple[DeviceClient, AppModel]]:
    """The app's device: at `port`, or its firmware on an emulated `board` that keeps what it learned in `state`.

    `state` is by default a folder of the cache for this app and board. Raises BadInputError for an app without [learn].
    """
    loaded = load_app(app)
    if loaded.learn is None:
        raise BadInputError(f"{loaded.manifest_path}: the app does not learn: add a section [learn]")
    target = load_board(board)
    model, planned = load_device_app(loaded, target)
    if port is not None:
        with DeviceClient.open(port) as client:
            _check_model(client, planned.program.model_sha256, loaded.name)
            yield client, model
        return
    emulator = emulator_for(target)
    image = cached_image(app_sources(model, planned, target), target)
    folder = state or state_folder(loaded.manifest_path, target.id)
    with (
        emulator.start(image.elf, target, folder) as device,
        DeviceClient(device, f"{loaded.name} on {target.id}") as client,
    ):
        yield client, model


def _check_model(client: DeviceClient, sha256: str, name: str) -> None:
    if client.info.model_sha256 != sha256:
        raise BadInputError(
            f"{client.name}: runs {client.info.app} with another model than {name}: flash the app first"
        )
    if not any(usage.startswith("teach ") for usage in client.commands()):
        raise BadInputError(f"{client.name}: its firmware does not learn: flash the app again")


def state_folder(manifest: Path, board: str) -> Path:
    """Where an emulated device's learned state lies."""
    key = hashlib.sha256(str(manifest.resolve()).encode()).hexdigest()[:16]
    return paths.cache() / "devices" / f"{key}-{board}"


def teach(
    app: str | Path,
    label: str,
    *,
    shots: int,
    wav: Sequence[str | Path] = (),
    csv: str | Path | None = None,
    image: Sequence[str | Path] = (),
    passes: int | None = None,
    board: str = "host",
    port: str | None = None,
    state: Path | None = None,
) -> TeachResult:
    """Teaches `shots` samples of `label`, which becomes a new class if there is none, practises, and saves.

    `wav`: recordings of the label, or folders of them, one sample each; `csv`: rows during which it holds, cut into as
    many pieces as samples are needed; `image`: drawings (.png), or folders of them. Samples beyond `shots` are not taught
    and tell how well it went; where there are none, those that were taught do. Raises BadInputError for too few samples
    and for what the device refuses.
    """
    with connected(app, board=board, port=port, state=state) as (client, model):
        samples = _samples(model, shots, wav, csv, image)
        shown, tested = samples[:shots], samples[shots : shots + _TESTS_MOST] or samples[:shots]
        is_new = label not in {item.label for item in _classes(client)}
        before = 0.0 if is_new else _share(client, tested, label)
        start = client.command("learn status")
        if is_new:
            client.command(f"class add {_word(label)}")
        for sample in shown:
            _hear(client, sample)
            client.command(f"teach {_word(label)}")
            wait(client)
        assert model.app.learn is not None
        client.command(f"practise {passes or model.app.learn.passes}")
        end = wait(client)
        after = _share(client, tested, label)
        saved = save(client)
        return TeachResult(
            app=model.app.name,
            device=client.name,
            label=label,
            is_new=is_new,
            taught=len(shown),
            rolled_back=int(end["rollbacks"]) - int(start["rollbacks"]),
            updates=int(end["updates"]) - int(start["updates"]),
            accuracy_before=before,
            accuracy_after=after,
            measured_on="others" if len(samples) > shots else "taught",
            saved=saved,
        )


def feedback(client: DeviceClient, verdict: Feedback) -> LearnStatus:
    """Says whether the device's newest detection was right; it learns from that, and saves."""
    client.command(f"feedback {verdict}")
    wait(client)
    save(client)
    return status(client)


def status(client: DeviceClient) -> LearnStatus:
    """What the device has learned."""
    said = client.command("learn status")
    return LearnStatus(
        app=client.info.app,
        device=client.name,
        classes=_classes(client),
        classes_most=int(said["classes_most"]),
        updates=int(said["updates"]),
        rollbacks=int(said["rollbacks"]),
        guard=int(said["guard"]),
        reject_below=int(said["reject_below_ppm"]) / 1e6,
        origin=str(said["origin"]),
        unsaved=bool(said["unsaved"]),
        saves=int(said["saved"]),
        can_save=bool(said["store"]),
    )


def calibrate(client: DeviceClient, accepted: int = 0) -> LearnStatus:
    """Sets the confidence under which the device's answers are none of its classes, and saves it.

    It is the lowest at which `accepted` of the guard's samples of no class are still taken for one.
    """
    client.command(f"learn calibrate {accepted}")
    save(client)
    return status(client)


def undo(client: DeviceClient) -> LearnStatus:
    """Back to what was saved before; undoing twice changes nothing."""
    client.command("undo")
    wait(client)
    return status(client)


def reset(client: DeviceClient) -> LearnStatus:
    """Back to the model as it was trained; all records are erased."""
    client.command("reset learned")
    wait(client)
    return status(client)


def export(client: DeviceClient, path: str | Path) -> int:
    """Writes what the device has learned to a file, which `import_head` takes on any device with the same model."""
    if client.command("learn status")["unsaved"] or not client.command("learn status")["saved"]:
        save(client)
    data = client.get("head")
    with written_whole(Path(path)) as temporary:
        temporary.write_bytes(data)
    return len(data)


def import_head(client: DeviceClient, path: str | Path) -> LearnStatus:
    """Takes over an exported file, and saves. The device refuses a damaged one, and one of another model."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise BadInputError(f"{path}: cannot be read: {error.strerror or error}") from error
    if len(data) < 24:
        raise BadInputError(f"{path}: is no head that was exported")
    client.put("head", data)
    client.command("import")
    save(client)
    return status(client)


def wait(client: DeviceClient) -> dict[str, Any]:
    """The device's `learn status` once it has nothing left to learn or to save."""
    deadline = time.monotonic() + _BUSY_TIMEOUT_S
    while (said := client.command("learn status"))["busy"]:
        if time.monotonic() > deadline:
            raise LinkLostError(f"{client.name}: is still learning after {_BUSY_TIMEOUT_S:g} s")
        time.sleep(_POLL_S)
    return said


def save(client: DeviceClient) -> bool:
    """Saves what was learned; False where the board has no flash for it, or it failed."""
    if not client.command("learn status")["store"]:
        return False
    client.command("save")
    return not wait(client)["failed"]


def _classes(client: DeviceClient) -> tuple[ClassState, ...]:
    if client.info.kind in VALUE_KINDS:
        return ()
    found = []
    for index in range(client.info.labels):
        if not client.label(index).label:
            continue
        said = client.command(f"learn class #{index}")
        found.append(ClassState(str(said["label"]), int(said["taught"]), bool(said["added"])))
    return tuple(found)


def _word(label: str) -> str:
    if (
        not label.isprintable()
        or " " in label
        or label.startswith(("#", "@", "*"))
        or not 1 <= len(label.encode()) <= 19
    ):
        raise BadInputError(
            f"{label!r}: the name of a class is one word of 1 to 19 bytes without control characters, and begins with "
            "none of # @ *"
        )
    return label


def _hear(client: DeviceClient, sample: NDArray[Any]) -> None:
    for _ in client.stream(sample):
        pass


def _share(client: DeviceClient, samples: Sequence[NDArray[Any]], label: str) -> float:
    right = 0
    for sample in samples:
        _hear(client, sample)
        said = client.command("learn answer")
        right += said["label"] == label and bool(said["accepted"])
    return right / len(samples)


def _images(model: AppModel, shots: int, image: Sequence[str | Path]) -> list[NDArray[Any]]:
    front_end = model.front_end
    assert isinstance(front_end, SensorFrontEnd)
    files = [file for item in map(Path, image) for file in (sorted(item.glob("*.png")) if item.is_dir() else [item])]
    if len(files) < shots:
        raise BadInputError(f"{model.app.name}: there are {len(files)} images, and {shots} shots need as many")
    return [image_rows(front_end, [read_ink(file)]) for file in files]


def _samples(
    model: AppModel,
    shots: int,
    wav: Sequence[str | Path],
    csv: str | Path | None,
    image: Sequence[str | Path],
) -> list[NDArray[Any]]:
    """Elements of one window each."""
    front_end = model.front_end
    name = model.app.name
    if model.app.kind == "characters":
        if wav or csv is not None or not image:
            raise BadInputError(f"{name}: looks at images: give --image with drawings of the character, one in each")
        return _images(model, shots, image)
    if image:
        raise BadInputError(f"{name}: is of kind {model.app.kind}, and only characters are taught with --image")
    if isinstance(front_end, SensorFrontEnd):
        if csv is None or wav:
            raise BadInputError(f"{name}: takes sensor rows: give --csv with {', '.join(front_end.channels)}")
        rows = read_rows(csv, front_end.channels).astype(np.float32)
        pieces = min(len(rows), 2 * shots)
        if pieces < shots:
            raise BadInputError(f"{csv}: has {len(rows)} rows, and {shots} shots need as many")
        parts = np.array_split(rows, pieces)
        return [*parts[::2], *parts[1::2]] if pieces == 2 * shots else parts
    if csv is not None or not wav:
        raise BadInputError(f"{name}: listens: give --wav with recordings of the word, one in each")
    files = [file for item in map(Path, wav) for file in (sorted(item.glob("*.wav")) if item.is_dir() else [item])]
    if len(files) < shots:
        raise BadInputError(f"{name}: there are {len(files)} recordings, and {shots} shots need as many")
    count = front_end.window_total_samples
    return [centred(read_any_wav(file, front_end.sample_rate_hz), count, file.stem) for file in files]
