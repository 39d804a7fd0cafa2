"""The kinds of models by the `kind` of their recipes: what their data are made into, and how each is trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from fieldwren.errors import BadInputError
from fieldwren.train import anomaly, characters, digits, keyword, presence, recipe, regression, windowset
from fieldwren.train.classifier import Prepared, class_weights, fit_classifier
from fieldwren.train.data import leaks
from fieldwren.train.trained import Request, Trained

LOADERS = {"digits": digits.load, "keyword": keyword.load}


def train_keyword(settings: recipe.KeywordRecipe, request: Request) -> Trained:
    """A network that hears words, fitted to windows made of recordings and synthetic voices."""
    if settings.windows.silence_and_unknown and settings.model.kind == "crnn":
        raise BadInputError(
            "windows.silence_and_unknown: crnn answers frame by frame, with one class for all between words"
        )
    data = LOADERS[request.example](
        settings,
        request.data,
        hold_out=request.hold_out,
        without_classes=request.without_classes,
        seed=request.seed,
        progress=request.say,
    )
    test = windowset.of_clips(data.front_end, data.held_out, data.classes, separate=data.separate)
    prepared = Prepared(
        data.front_end,
        data.labels,
        (data.train.features[..., np.newaxis], data.train.labels),
        (test.features[..., np.newaxis], test.labels),
        data.measured_on,
        data.weights(settings.windows.background_weight),
        data.recorded,
        (data.words, data.word_count),
    )
    return fit_classifier(settings, prepared, request)


def train_presence(settings: recipe.PresenceRecipe, request: Request) -> Trained:
    """A network that classifies rows of sensor tables."""
    if request.without_classes:
        raise BadInputError(f"{request.example} has no classes to leave out")
    for line in leaks.refuse_leaks(presence.leaks_in(settings, request.data), request.allow_leaks, request.data):
        request.say(line)
    data = presence.load(settings, request.data, hold_out=request.hold_out)
    classes = list(dict.fromkeys(settings.labels.values()))
    weights = class_weights(data.train[1], len(classes)) if settings.balanced else None
    prepared = Prepared(data.front_end, classes, data.train, data.test, data.measured_on, weights)
    return fit_classifier(settings, prepared, request)


TRAINERS: Mapping[str, Callable[[Any, Request], Trained]] = {
    "anomaly": anomaly.train,
    "characters": characters.train,
    "keyword": train_keyword,
    "presence": train_presence,
    "regression": regression.train,
}
