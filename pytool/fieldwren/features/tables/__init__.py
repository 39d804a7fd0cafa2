"""From parameters to the constant data of the C configuration (firmware/include/fw_frontend.h).

Tables are computed here once, in float64, and rounded; the host's C library and the firmware get the same arrays, so
that no device needs a cosine.
"""

from __future__ import annotations

from fieldwren.features.parameters import FrontEndParameters, MicroFrontEnd, SensorFrontEnd
from fieldwren.features.tables.data import FieldValue, FrontEndData
from fieldwren.features.tables.mel_fixed import mel_fixed_data
from fieldwren.features.tables.mel_float import mel_float_data
from fieldwren.features.tables.micro import micro_data
from fieldwren.features.tables.sensor import sensor_data


def front_end_data(parameters: FrontEndParameters) -> FrontEndData:
    """The constant data of a front end, tables included."""
    if isinstance(parameters, SensorFrontEnd):
        return sensor_data(parameters)
    if isinstance(parameters, MicroFrontEnd):
        return micro_data(parameters)
    return mel_float_data(parameters) if parameters.arithmetic == "float" else mel_fixed_data(parameters)


__all__ = ["FieldValue", "FrontEndData", "front_end_data"]
