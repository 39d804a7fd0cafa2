"""From recordings to an int8 model: data, augmentation, training, quantisation, and the figures about it.

`train` is the one call; the modules below it are its steps. TensorFlow is imported only here and below, and only when
a model is trained (`pip install fieldwren[train]`).
"""

from __future__ import annotations

from fieldwren.train.run import TrainResult, train

__all__ = ["TrainResult", "train"]
