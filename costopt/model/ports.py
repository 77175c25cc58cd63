"""What a lower floor needs of a higher one: protocols, wired together by `cli` and `api`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class TokenCounter(Protocol):
    """Token counts of segments. Counting is lazy: ask for the segments a number needs."""

    def count(self, segments: NDArray[np.int32], model: str) -> NDArray[np.int64]:
        """Tokens of each segment under the model's tokenizer; the log's own count where it has one."""
        ...

    def label(self, model: str) -> str:
        """`exact` (the model's own ranks), `estimated` (calibrated on the trace), with the reason."""
        ...

    def common_prefix(self, first: int, second: int, model: str) -> int:
        """Tokens that two segments share from their first token on."""
        ...


class Texts(Protocol):
    """Segment texts out of the store; None where the log or the user kept none."""

    def get(self, segments: Sequence[int] | NDArray[np.int32]) -> list[str | None]: ...


class Progress(Protocol):
    """Long work reports here: a rate and a remaining time are the receiver's business."""

    def __call__(self, what: str, done: int, total: int | None) -> None: ...


def silent(what: str, done: int, total: int | None) -> None:
    """A `Progress` that shows nothing."""
