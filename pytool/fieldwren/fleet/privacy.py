"""What clipping and noise are worth: ε for a δ, by Google's dp-accounting (Rényi differential privacy)."""

from __future__ import annotations

import math
from importlib import util

from fieldwren.errors import BadInputError, MissingToolError
from fieldwren.fleet.federation import Federation


def epsilon(federation: Federation, rounds: int) -> float | None:
    """ε after `rounds`, at the file's δ; None: without noise there is no bound.

    Neighbouring federations differ in the data of one device (replace-one). Every round draws `clients_per_round` of all
    devices without replacement; replacing one moves the sum of clipped changes by at most 2 × clip, so that the noise is
    noise_multiplier / 2 of that. Mironov, "Rényi differential privacy", CSF 2017; Wang, Balle, Kasiviswanathan,
    "Subsampled Rényi differential privacy", AISTATS 2019. Raises MissingToolError without the library.
    """
    privacy = federation.privacy
    if privacy is None or privacy.noise_multiplier == 0 or rounds == 0:
        return None
    if util.find_spec("dp_accounting") is None:
        raise MissingToolError(
            "fleet: the privacy of noise is accounted by dp-accounting: pip install 'fieldwren[fleet]'"
        )
    from dp_accounting import (
        GaussianDpEvent,
        NeighboringRelation,
        SampledWithoutReplacementDpEvent,
        SelfComposedDpEvent,
    )
    from dp_accounting.rdp import RdpAccountant

    drawn = federation.strategy.clients_per_round
    noise = GaussianDpEvent(privacy.noise_multiplier / 2)
    event = SampledWithoutReplacementDpEvent(federation.devices, drawn, noise)
    accountant = RdpAccountant(neighboring_relation=NeighboringRelation.REPLACE_ONE)
    accountant.compose(SelfComposedDpEvent(event, rounds))
    found = float(accountant.get_epsilon(privacy.delta))
    if not math.isfinite(found):
        raise BadInputError(
            f"{federation.path}: privacy: no bound can be given for noise_multiplier {privacy.noise_multiplier}"
        )
    return found
