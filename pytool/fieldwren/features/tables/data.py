"""What becomes of a front end's parameters: members and tables of its C configuration."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.generic]
FieldValue = int | float | Array

# fw_frontend_kind_t, fw_rounding_t, fw_normalisation_t, fw_spectrum_t, fw_missing_t of fw_frontend.h.
KIND_MEL, KIND_MEL_FIXED, KIND_MICRO, KIND_SENSOR = 1, 2, 3, 4
ROUNDING = {"nearest": 0, "truncate": 1}
NORMALISATION = {"none": 0, "window-mean": 1, "window-max": 2, "running-mean": 3}
SPECTRUM = {"magnitude": 0, "power": 1}
MISSING = {"hold": 0, "fill": 1}
NO_CLIP = (-float(np.finfo(np.float32).max), float(np.finfo(np.float32).max))


@dataclass(frozen=True)
class FrontEndData:
    """A front end as constant C data.

    `fields` are the members of `struct` (the C type of the kind's configuration) in its order: integers, floats (to be
    rounded to float32), and arrays that the C member points to. `member` is the pointer's name in
    fw_frontend_config_t. Frames that C gives as integers are multiplied by `frame_unit` to become features.
    """

    kind: int
    window_frames: int
    frame_values: int
    rounding: int
    struct: str
    member: str
    fields: dict[str, FieldValue]
    frame_unit: float = 1.0
