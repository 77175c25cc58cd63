"""A cascade: the cheap model answers first, and where its answer is not accepted both calls are paid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from costopt.errors import UsageError
from costopt.layers.parts.moves import Moves
from costopt.layers.parts.retokenise import fresh
from costopt.layers.parts.routing_evidence import UNKNOWN, as_number
from costopt.layers.parts.tiers import Bar, Target
from costopt.model.effect import Charge

if TYPE_CHECKING:
    from costopt.layers.routers.base import Asked

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Attempts:
    """Which cheap answers are taken, and what the others cost on top."""

    accepted: Mask  # [call]
    charges: tuple[Charge, ...] = ()


def cascaded(asked: Asked, moves: Moves, ready: Mask) -> Attempts:
    """Without a cascade all are taken, unseen. With one, calls without a recorded verdict stay (UNKNOWN)."""
    if not asked.route.cascade:
        return Attempts(ready)
    verdict = np.full(len(ready), UNKNOWN, np.int8)
    for target in asked.targets.by_tier:
        if target is not None:
            mine = ready & _moves_to(moves, asked, target)
            verdict[mine] = _verdict(asked, target)[mine]
    moves.bar[ready & (verdict == UNKNOWN)] = Bar.UNKNOWN
    charges = [
        _attempt(moves, code, np.flatnonzero(ready & (verdict == 0) & (moves.move == code)))
        for code in moves.sold_as
    ]
    return Attempts(ready & (verdict == 1), tuple(c for c in charges if len(c.rows)))


def _moves_to(moves: Moves, asked: Asked, target: Target) -> Mask:
    codes = [
        c for c, sold in moves.sold_as.items() if asked.prices.canonical(*sold) == target.canonical
    ]
    return np.isin(moves.move, codes)


def _verdict(asked: Asked, target: Target) -> NDArray[np.int8]:  # [call]
    """1 taken, 0 not, UNKNOWN: the target never answered this request in the log, or was not judged."""
    logged = asked.targets.logged_as(target)
    if asked.route.accept == "label":
        return asked.labelled.twin_right(logged)
    try:
        column = asked.artifacts.column(asked.view, asked.route.accept)
    except KeyError:
        raise UsageError(
            f"route: the log has no column `{asked.route.accept}`.", where="accept",
            hint="Name the column that holds the cheap model's confidence, or use accept: label.",
        ) from None  # fmt: skip
    numbers = [as_number(v) for v in column.values]
    sure = [UNKNOWN if n is None else int(n >= asked.route.accept_at) for n in numbers]
    taken = np.array(sure, np.int8)[column.codes]
    twin = asked.labelled.twin(logged & (taken != UNKNOWN))
    return np.where(twin >= 0, taken[twin], UNKNOWN).astype(np.int8)


def _attempt(moves: Moves, code: int, rows: NDArray[np.int64]) -> Charge:
    """The cheap calls in vain, without any cache: an upper bound."""
    provider, model = moves.sold_as[code]
    return Charge("route: cheap attempts", provider, model, rows, fresh(moves.leaves[rows]))
