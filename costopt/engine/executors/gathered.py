"""Outcomes of parts put together, and who works on what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from costopt.engine.evaluate import Layers
from costopt.engine.growth import together
from costopt.engine.matched import unbent
from costopt.engine.outcome import Outcome
from costopt.layers.base import Partition, partition_of
from costopt.model.trace import Trace
from costopt.money import PicoUsd

Int = NDArray[np.int64]


@dataclass(frozen=True)
class Task:
    """Some of the lists over one part, for one worker."""

    worker: int
    part: int
    lists: tuple[int, ...]
    """Numbers of the lists asked for."""


def tasks_of(parts: int, workers: int, lists: int) -> list[Task]:
    """Parts over workers; where there are fewer parts, the lists of each are split as well.

    A stretch of neighbouring lists stays together: they begin alike and share their first views.
    """
    split = max(1, workers // parts)
    cuts = np.array_split(np.arange(lists), min(split, max(1, lists)))
    return [
        Task((part * split + i) % workers, part, tuple(cut.tolist()))
        for part in range(parts)
        for i, cut in enumerate(cuts)
        if len(cut)
    ]


def all_of(kinds: frozenset[type], lists: Sequence[Layers]) -> bool:
    """Whether only layers are asked for that the trace was split for, at settings that bear parts."""
    return all(
        type(layer) in kinds and partition_of(layer) is not Partition.WHOLE
        for layers in lists
        for layer in map(unbent, layers)
    )


def sessions_of(trace: Trace, parts: Sequence[Int]) -> list[Int]:
    """[part][session of the part]: its number in the whole trace. None is in two parts."""
    return [np.unique(trace.session[rows]) for rows in parts]


def put_together(found: Sequence[Outcome], sessions: Sequence[Int], n_sessions: int) -> Outcome:
    """The outcome of the whole from those of all parts, in order."""
    if len(found) == 1 and len(found[0].session_pusd) == n_sessions:
        return found[0]
    pusd, variance = np.zeros(n_sessions, np.int64), np.zeros(n_sessions)
    tally: dict[str, int] = {}
    for outcome, mine in zip(found, sessions, strict=True):
        pusd[mine], variance[mine] = outcome.session_pusd, outcome.session_variance
        for name, count in outcome.tally.items():
            tally[name] = tally.get(name, 0) + count
    return Outcome(
        pusd, variance, PicoUsd(sum(o.overhead_pusd for o in found)), tally, found[0].detail,
        sum(o.touched for o in found), sum(o.at_risk for o in found),
        PicoUsd(sum(o.exposed_pusd for o in found)), sum(o.calls for o in found),
        together([o.steps for o in found]), found[0].evidence,
    )  # fmt: skip
