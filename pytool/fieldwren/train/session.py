"""How every training begins: its network is held against the budget, then the run folder is opened."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fieldwren.features import FrontEndParameters, SensorFrontEnd
from fieldwren.train import recipe
from fieldwren.train.budget import check_budget
from fieldwren.train.run_folder import RunFolder, data_hash
from fieldwren.train.trained import Request, Say

Arrays = Sequence[npt.NDArray[Any] | None]


@dataclass(frozen=True)
class Network:
    """What is to be trained. `quantised` makes the .tflite of the network as it is now, from inputs [n, *shape]."""

    name: str
    params: int
    front_end: FrontEndParameters
    input_shape: tuple[int, ...]
    quantised: Callable[[npt.NDArray[np.float32]], bytes]


@dataclass(frozen=True)
class Session:
    """A training that may begin. `figures` are known before it; `say` tells the user and the run folder's log."""

    run: RunFolder
    figures: dict[str, object]
    say: Say


def begin(settings: recipe.AnyRecipe, request: Request, network: Network, arrays: Arrays, examples: int) -> Session:
    """Raises OverBudgetError before anything is written. `arrays` are all that decides the result besides the recipe."""
    figures: dict[str, object] = {}
    if settings.budget is not None:
        request.say("checking the budget")
        noise = np.random.default_rng(0).normal(0, 3, (8, *network.input_shape)).astype(np.float32)
        needs = check_budget(
            settings.budget, network.name, network.quantised(noise), network.params, period_ms(network.front_end)
        )
        figures["needs"] = asdict(needs)
        request.say(", ".join(f"{name} {value:,}" for name, value in asdict(needs).items() if value is not None))
    facts = {"seed": request.seed, "data_sha256": data_hash(*arrays)}
    run = RunFolder(request.run, recipe.to_toml(settings), facts, resume=request.resume)

    def say(text: str) -> None:
        run.line(text)
        request.say(text)

    say(f"{network.params:,} parameters in {network.name}, {examples:,} training examples, data {facts['data_sha256']}")
    return Session(run, {"data_sha256": facts["data_sha256"], **figures}, say)


def period_ms(front_end: FrontEndParameters) -> float:
    """Of input that one window takes, windows side by side."""
    return front_end.hop_ms * (1 if isinstance(front_end, SensorFrontEnd) else front_end.window_frames)
