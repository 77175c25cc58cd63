"""What a lower floor needs of a higher one: protocols, wired together by `cli` and `api`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from costopt.model.call import Record


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


class RecordStream(Protocol):
    """One input file under its format, ready to be read: what the store takes in."""

    @property
    def name(self) -> str:
        """Path as shown in messages and in the ledger's `source_file`."""
        ...

    @property
    def format(self) -> str: ...

    def read(self) -> Iterator[Record]:
        """The file's records, once. Never raises on content; I/O errors pass through."""
        ...


class Progress(Protocol):
    """Long work reports here: a rate and a remaining time are the receiver's business."""

    def __call__(self, what: str, done: int, total: int | None) -> None: ...


def silent(what: str, done: int, total: int | None) -> None:
    """A `Progress` that shows nothing."""
