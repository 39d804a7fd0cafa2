"""Made-up catalogues of any size: models and devices as they are met, with sizes spread over their usual ranges."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np

from fieldwren.catalog.facts import Record, iri
from fieldwren.catalog.hardware import Sensor, say_microcontroller, say_sensor
from fieldwren.catalog.model_record import model_record
from fieldwren.catalog.models import Evaluation, Footprint, ModelFacts
from fieldwren.catalog.namespaces import BOARD, DEVICE

CORES = ("portable", "cortex-m0", "cortex-m4+dsp+fpu", "cortex-m33+dsp+fpu", "rv32imc")
BOARDS = ("microbit", "nrf52840dk", "nano33ble", "xiao-nrf52840-sense", "esp32-c3-devkitm-1", "mps2-an505")
CONVOLUTIONAL = ("CONV_2D/int8", "DEPTHWISE_CONV_2D/int8", "FULLY_CONNECTED/int8", "SOFTMAX/int8", "RESHAPE/int8")
DENSE = ("FULLY_CONNECTED/int8", "SOFTMAX/int8")
RECURRENT = ("UNIDIRECTIONAL_SEQUENCE_LSTM/int8", "FULLY_CONNECTED/int8", "SOFTMAX/int8")
EXTRA = (
    "AVERAGE_POOL_2D/int8",
    "ADD/int8",
    "MEAN/int8",
    "PAD/int8",
    "SVDF/int8",
    "CONV_2D/int16x8",
    "QUANTIZE/float32",
)
TASKS = (
    ("keyword", ("microphone",), 16000.0, (*CONVOLUTIONAL,)),
    ("presence", ("pir", "thermometer"), 1.0, DENSE),
    ("presence", ("camera",), 5.0, CONVOLUTIONAL),
    ("gesture", ("accelerometer",), 104.0, CONVOLUTIONAL),
    ("gesture", ("accelerometer", "gyroscope"), 104.0, RECURRENT),
    ("anomaly", ("accelerometer",), 1600.0, DENSE),
    ("anomaly", ("microphone",), 16000.0, DENSE),
)
SENSORS = (
    ("microphone", (8000.0, 16000.0, 48000.0)),
    ("accelerometer", (100.0, 952.0, 6660.0)),
    ("gyroscope", (100.0, 952.0, 6660.0)),
    ("camera", (1.0, 5.0, 30.0)),
    ("thermometer", (1.0, 12.5)),
    ("pir", (1.0, 100.0)),
)
LICENCES = ("Apache-2.0", "MIT", "BSD-3-Clause", "CC-BY-4.0", None)
WORDS = ("yes", "no", "up", "down", "lamp", "stop", "go", "door", "fall", "walk", "run", "idle", "fan", "bearing")


def models(count: int, seed: int = 0) -> Iterator[ModelFacts]:
    """`count` models: weights from 2 kB to 2 MB and arenas from 1 kB to 500 kB, spread evenly by magnitude."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        task, sensors, rate, operators = TASKS[rng.integers(len(TASKS))]
        weights = int(10 ** rng.uniform(3.3, 6.3))
        arena = int(10 ** rng.uniform(3.0, 5.7))
        macs = int(weights * 10 ** rng.uniform(0.0, 2.0))
        extra = rng.choice(EXTRA, rng.integers(0, 3), replace=False)
        labels = tuple(rng.choice(WORDS, rng.integers(2, 8), replace=False))
        footprints = tuple(
            Footprint(
                core=core,
                flash_bytes=weights + int(code),
                ram_bytes=arena + 600,
                code_bytes=int(code),
                arena_bytes=arena,
                stack_bytes=600,
                sizes_estimated=True,
                cycles=None if core == "portable" else int(macs * price),
            )
            for core, code, price in zip(
                CORES, (16000, 9000, 12000, 12000, 14000), (0, 9.5, 1.4, 1.3, 4.0), strict=True
            )
        )
        yield ModelFacts(
            name=f"{task}-{number:05d}",
            sha256=hashlib.sha256(f"{seed}/{number}".encode()).hexdigest(),
            path=f"/models/{task}-{number:05d}.tflite",
            file_bytes=weights + 2000,
            task=task,
            labels=tuple(str(label) for label in labels),
            licence=LICENCES[rng.integers(len(LICENCES))],
            operators=tuple(sorted({*operators, *(str(name) for name in extra)})),
            macs=macs,
            weights_bytes=weights,
            front_end="mel" if "microphone" in sensors else "sensor",
            needs=tuple((kind, rate) for kind in sensors),
            footprints=footprints,
            evaluations=(Evaluation("accuracy", round(float(rng.beta(12, 2)), 4), f"set-{rng.integers(40)}", "test"),),
        )


def device_record(number: int, rng: np.random.Generator) -> Record:
    """A device of one of the boards, with some of its memory taken, its own sensors, and sometimes a fixed firmware."""
    board = BOARDS[rng.integers(len(BOARDS))]
    flash = int(10 ** rng.uniform(4.8, 6.2))
    ram = int(10 ** rng.uniform(3.9, 5.6))
    node = iri(DEVICE, f"SN{number:06d}")
    record = Record(node)
    record.of_type(node, "fw:Device", "s3n:SmartSensor")
    record.say(node, "dct:title", f"SN{number:06d}")
    record.say(node, "dct:identifier", f"SN{number:06d}")
    record.say(node, "fw:board", iri(BOARD, board))
    record.say(node, "fw:flashBytes", flash)
    record.say(node, "fw:ramBytes", ram)
    record.say(node, "fw:seenAt", f"2026-0{1 + number % 9}-01T00:00:00Z")
    if rng.random() < 0.3:
        record.say(node, "fw:supportsOperator", *CONVOLUTIONAL, *EXTRA[: rng.integers(len(EXTRA))])
    say_microcontroller(record, node, flash, ram)
    for kind, rates in SENSORS:
        if rng.random() < 0.5:
            say_sensor(record, node, Sensor(kind=kind, max_rate_hz=float(rates[rng.integers(len(rates))])))
    record.say(node, "fw:anySensor", False)
    return record


def records(model_count: int, device_count: int, seed: int = 0) -> Iterator[Record]:
    """Records of all models and devices."""
    for facts in models(model_count, seed):
        yield model_record(facts, "made up")
    rng = np.random.default_rng(seed + 1)
    for number in range(device_count):
        yield device_record(number, rng)
