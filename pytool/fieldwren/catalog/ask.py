"""Questions to the catalogue: which models, which boards, why not, what runs where, and free text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fieldwren.catalog.catalog import Catalog
from fieldwren.catalog.index import Index, ModelText, Target
from fieldwren.catalog.match import Constraint, LatencySource, Match, constraints, match
from fieldwren.catalog.names import find_model, find_target
from fieldwren.catalog.store import rows
from fieldwren.check import limit_message
from fieldwren.errors import BadInputError

Sort = Literal["accuracy", "latency", "flash", "ram", "name"]


@dataclass(frozen=True)
class Found:
    """A model (or a board) and how it does on the board (or with the model) that was asked about.

    `sensors` are the kinds that a model listens to, or that a board has (None: any, over its pins or the link). Without
    such a board or model, `fits` and the latency are None; sizes are then what a model needs at most on any
    core, or what a board has. `latency_source` is `measured` where that pair was benchmarked, else `estimated`.
    """

    id: str
    name: str
    fits: bool | None
    flash_bytes: int | None
    ram_bytes: int | None
    latency_ms: float | None
    latency_source: LatencySource | None
    accuracy: float | None
    kind: str
    task: str | None = None
    licence: str | None = None
    sensors: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Deployment:
    """What was seen running on a device, newest first."""

    device: str
    board: str | None
    model: str | None
    app: str | None
    image_sha256: str | None
    labels: tuple[str, ...]
    seen_at: str | None


@dataclass(frozen=True)
class Hit:
    """Something whose texts contain all words of a search."""

    id: str
    name: str
    kind: str
    text: str
    accuracy: float | None = None


def find_models(
    catalog: Catalog,
    *,
    board: str | None = None,
    task: str | None = None,
    sensors: Sequence[str] = (),
    labels: Sequence[str] = (),
    licence: str | None = None,
    dataset: str | None = None,
    front_end: str | None = None,
    text: str | None = None,
    max_latency_ms: float | None = None,
    min_accuracy: float | None = None,
    max_ram_bytes: int | None = None,
    max_flash_bytes: int | None = None,
    only_fitting: bool = False,
    sort: Sort = "accuracy",
    limit: int | None = None,
) -> list[Found]:
    """Models that meet every condition, those that fit `board` first, then by `sort` (best first, unknown last).

    At most `limit` of them.

    `sensors` are kinds the model listens to, `labels` classes it must know; `licence`, `dataset` and `text` match parts
    of words. A model of unknown latency meets no `max_latency_ms`.
    """
    index = catalog.index
    target = find_target(index, board) if board is not None else None
    result = match(index, target) if target is not None else _anywhere(index)
    keep = np.ones(len(index.models), bool)
    if only_fitting and target is not None:
        keep &= result.fits
    for column, most in ((result.ram, max_ram_bytes), (result.flash, max_flash_bytes)):
        if most is not None:
            keep &= (column >= 0) & (column <= most)
    if max_latency_ms is not None:
        keep &= np.nan_to_num(result.latency_ms, nan=np.inf) <= max_latency_ms
    for kind in sensors:
        if kind not in index.sensor_kinds:
            return []
        number = index.sensor_kinds.index(kind)
        keep &= (index.sensors[:, number // 64] >> np.uint64(number % 64) & np.uint64(1)).astype(bool)
    wanted = _text_filter(task, labels, licence, dataset, front_end, text, min_accuracy)
    if wanted is not None:
        chosen = np.flatnonzero(keep).tolist()
        keep = np.zeros_like(keep)
        keep[[row for row in chosen if wanted(index.models[row])]] = True
    order = _ranked(index, np.flatnonzero(keep), result, sort)[:limit]
    return _found_models(index, order, result, target)


def _ranked(index: Index, chosen: NDArray[np.intp], result: Match, sort: Sort) -> NDArray[np.intp]:
    """The rows `chosen`, what fits first, then the best by `sort`, then the fastest; models stand in order of names."""
    latency = np.nan_to_num(result.latency_ms, nan=np.inf)
    accuracy = np.array([np.inf if m.accuracy is None else -m.accuracy for m in index.models])
    sizes = {"flash": result.flash, "ram": result.ram}
    keys = {
        "accuracy": accuracy,
        "latency": latency,
        "name": np.zeros(len(index.models)),
        **{name: np.where(column < 0, np.inf, column) for name, column in sizes.items()},
    }
    fastest = latency if sort != "name" else keys["name"]
    order = np.lexsort((chosen, fastest[chosen], keys[sort][chosen], ~result.fits[chosen]))
    return chosen[order]


def _text_filter(
    task: str | None,
    labels: Sequence[str],
    licence: str | None,
    dataset: str | None,
    front_end: str | None,
    text: str | None,
    min_accuracy: float | None,
) -> Callable[[ModelText], bool] | None:
    """A test for the conditions that are not columns, None when there are none."""
    if not any((task, labels, licence, dataset, front_end, text, min_accuracy is not None)):
        return None
    words = (text or "").lower().split()

    def wanted(model: ModelText) -> bool:
        return (
            (task is None or model.task == task)
            and set(labels) <= set(model.labels)
            and (licence is None or licence.lower() in (model.licence or "").lower())
            and (dataset is None or any(dataset.lower() in name.lower() for name in model.datasets))
            and (front_end is None or model.front_end == front_end)
            and (min_accuracy is None or (model.accuracy is not None and model.accuracy >= min_accuracy))
            and (not words or _has_words(model, words))
        )

    return wanted


def _has_words(model: ModelText, words: Sequence[str]) -> bool:
    text = searchable(model)
    return all(word in text for word in words)


def searchable(model: ModelText) -> str:
    """All words of a model in lower case."""
    parts = (model.name, model.description, model.task or "", model.licence or "", *model.labels, *model.datasets)
    return " ".join(parts).lower()


def _anywhere(index: Index) -> Match:
    """Sizes without a board: the most over all known cores."""
    count = len(index.models)
    nothing = np.full(count, np.nan)
    return Match(np.zeros(count, bool), index.flash.max(axis=1), index.ram.max(axis=1), nothing, np.zeros(count, bool))


def _found_models(index: Index, order: NDArray[np.intp], result: Match, target: Target | None) -> list[Found]:
    """Rows as results, in the given order."""
    columns = zip(
        order.tolist(),
        result.fits[order].tolist(),
        result.flash[order].tolist(),
        result.ram[order].tolist(),
        np.round(result.latency_ms[order], 4).tolist(),
        result.is_measured[order].tolist(),
        strict=True,
    )
    return [
        Found(
            model.id,
            model.name,
            fits if target is not None else None,
            flash if flash >= 0 else None,
            ram if ram >= 0 else None,
            None if latency != latency else latency,  # noqa: PLR0124 - NaN
            None if latency != latency else "measured" if measured else "estimated",  # noqa: PLR0124
            model.accuracy,
            "model",
            model.task,
            model.licence,
            model.sensors,
        )
        for row, fits, flash, ram, latency, measured in columns
        for model in (index.models[row],)
    ]


def _order(sort: Sort) -> Callable[[Found], tuple[object, ...]]:
    def least(value: float | None) -> float:
        return float("inf") if value is None else value

    keys: dict[Sort, Callable[[Found], float | str]] = {
        "accuracy": lambda f: -f.accuracy if f.accuracy is not None else 1.0,
        "latency": lambda f: least(f.latency_ms),
        "flash": lambda f: least(f.flash_bytes),
        "ram": lambda f: least(f.ram_bytes),
        "name": lambda f: f.name,
    }
    return lambda f: (f.fits is False, keys[sort](f), least(f.latency_ms), f.name, f.id)


def find_boards(
    catalog: Catalog,
    *,
    model: str | None = None,
    sensors: Sequence[str] = (),
    min_ram_bytes: int | None = None,
    min_flash_bytes: int | None = None,
    max_latency_ms: float | None = None,
    text: str | None = None,
    only_fitting: bool = False,
    sort: Sort = "name",
    limit: int | None = None,
) -> list[Found]:
    """Boards and devices that meet every condition, those that fit `model` first.

    `sensors` are kinds that must be on the board itself. Sizes are what `model` needs there, or what the board has.
    """
    index = catalog.index
    row = find_model(index, model) if model is not None else None
    found: list[Found] = []
    for target in index.targets:
        has = set(target.sensors or ())
        if not set(sensors) <= has:
            continue
        limits = ((target.ram_bytes, min_ram_bytes), (target.flash_bytes, min_flash_bytes))
        if any(least is not None and (size is None or size < least) for size, least in limits):
            continue
        if text is not None and not all(
            w in f"{target.name} {target.description}".lower() for w in text.lower().split()
        ):
            continue
        one = _found_target(index, target, row)
        if max_latency_ms is not None and (one.latency_ms is None or one.latency_ms > max_latency_ms):
            continue
        if not only_fitting or one.fits:
            found.append(one)
    return sorted(found, key=_order(sort))[:limit]


def _found_target(index: Index, target: Target, row: int | None) -> Found:
    sensors = None if target.sensors is None else tuple(sorted(target.sensors))
    if row is None:
        return Found(
            target.id,
            target.name,
            None,
            target.flash_bytes,
            target.ram_bytes,
            None,
            None,
            None,
            target.kind,
            sensors=sensors,
        )
    part = _row_of(index, row)
    (one,) = _found_models(part, np.array([0]), match(part, target), target)
    return Found(
        target.id, target.name, one.fits, one.flash_bytes, one.ram_bytes, one.latency_ms, one.latency_source,
        one.accuracy, target.kind, one.task, one.licence, sensors,
    )  # fmt: skip


def _row_of(index: Index, row: int) -> Index:
    """An index of one model."""
    part = slice(row, row + 1)
    model = index.models[row]
    return Index(
        models=[model],
        targets=index.targets,
        cores=index.cores,
        flash=index.flash[part],
        ram=index.ram[part],
        cycles=index.cycles[part],
        operator_names=index.operator_names,
        operators=index.operators[part],
        sensor_kinds=index.sensor_kinds,
        sensors=index.sensors[part],
        rates=index.rates[part],
        measured={key: value for key, value in index.measured.items() if key[0] == model.id},
    )


def why_not(catalog: Catalog, model: str, board: str) -> list[Constraint]:
    """What keeps a model from a board or device; empty when it fits. Memory reasons are those `check` gives."""
    index = catalog.index
    target = find_target(index, board)
    row = find_model(index, model)
    return constraints(index, row, target, _limit_messages(catalog, index, row, target))


def _limit_messages(catalog: Catalog, index: Index, row: int, target: Target) -> dict[str, str]:
    """check's sentence for each exceeded limit, where the footprint of the target's core is recorded."""
    model = index.models[row]
    query = f"""SELECT ?core ?flash ?ram ?fw ?rw WHERE {{ GRAPH ?g {{ ?f a fw:Footprint ; fw:ofModel <{model.id}> ;
        fw:core ?core ; fw:flashBytes ?flash ; fw:ramBytes ?ram ; fw:flashContributors ?fw ; fw:ramContributors ?rw }} }}"""
    by_core = {core.value: rest for core, *rest in rows(catalog.store, query)}
    chosen = by_core.get(target.core or "") or by_core.get("portable")
    if chosen is None:
        return {}
    flash, ram, flash_why, ram_why = (value.value for value in chosen)
    made = {}
    for name, needs, has, why in (
        ("flash", flash, target.flash_bytes, flash_why),
        ("ram", ram, target.ram_bytes, ram_why),
    ):
        if has is not None:
            made[name] = limit_message(model.name, target.name, name, int(needs), has, why)
    return made


def deployments(catalog: Catalog, *, board: str | None = None, model: str | None = None) -> list[Deployment]:
    """Devices and what was seen running on them, newest first."""
    index = catalog.index
    models = {m.id: m.name for m in index.models}
    query = """SELECT ?d ?title ?board ?model ?app ?image ?at WHERE { GRAPH ?g { ?d a fw:Device ; dct:title ?title .
        OPTIONAL { ?d fw:board ?board } OPTIONAL { ?d fw:runsModel ?model } OPTIONAL { ?d fw:appName ?app }
        OPTIONAL { ?d fw:imageSha256 ?image } OPTIONAL { ?d fw:seenAt ?at } } }"""
    labels: dict[str, list[str]] = {}
    for device, label in rows(catalog.store, "SELECT ?d ?l WHERE { GRAPH ?g { ?d fw:learnedLabel ?l } } ORDER BY ?l"):
        labels.setdefault(device.value, []).append(label.value)
    found: dict[str, Deployment] = {}
    for device, title, on, runs, app, image, at in rows(catalog.store, query):
        on_name = on.value.rpartition(":")[2] if on is not None else None
        runs_name = models.get(runs.value, runs.value) if runs is not None else None
        if (board is not None and on_name != board) or (model is not None and runs_name != model):
            continue
        found[device.value] = Deployment(
            device=title.value,
            board=on_name,
            model=runs_name,
            app=app.value if app is not None else None,
            image_sha256=image.value if image is not None else None,
            labels=tuple(labels.get(device.value, ())),
            seen_at=at.value if at is not None else None,
        )
    ordered = sorted(found.values(), key=lambda d: d.device)
    return sorted(ordered, key=lambda d: d.seen_at or "", reverse=True)


def search(catalog: Catalog, text: str, *, sensors: Sequence[str] = (), kind: str | None = None) -> list[Hit]:
    """Models, boards and devices whose texts contain every word of `text` (parts of words count), models by accuracy.

    `sensors`: kinds the model listens to, or the board has.
    """
    index = catalog.index
    words = text.lower().split()
    if not words:
        raise BadInputError("there is nothing to search for: give a word")
    hits: list[Hit] = []
    if kind in (None, "model"):
        found = find_models(catalog, text=text, sensors=sensors, sort="accuracy")
        by_id = {model.id: model for model in index.models}
        hits += [Hit(f.id, f.name, "model", _shown(by_id[f.id]), f.accuracy) for f in found]
    if kind != "model":
        for target in index.targets:
            body = " ".join((target.name, target.description, target.core or "", *(target.sensors or ())))
            suits = set(sensors) <= set(target.sensors or ()) and kind in (None, target.kind)
            if suits and all(word in body.lower() for word in words):
                hits.append(Hit(target.id, target.name, target.kind, target.description))
    return hits


def _shown(model: ModelText) -> str:
    return model.description or ", ".join(filter(None, (model.task, *model.labels)))
