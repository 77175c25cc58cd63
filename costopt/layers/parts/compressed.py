"""What a compressor made of some segments: the artifact `compressed`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Compressed:
    """Of the segments asked for, in their order."""

    method: str
    """Which it was: the setting may leave that to the model."""
    name: str
    """Method and model, for the evidence."""
    texts: tuple[str, ...]  # [segment]
    seconds: Float  # [segment]: as measured when the text was first compressed
    refused: NDArray[np.int64]  # [segment]: stretches that the compressor failed on
    ratio: Callable[[str], Float]
    """[segment] tokens after over tokens before, counted by this model's tokenizer."""
