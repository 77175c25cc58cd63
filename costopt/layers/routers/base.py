"""What a classifier is asked, and what it answers."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from costopt.errors import UsageError
from costopt.layers.base import Artifacts
from costopt.layers.parts.routing_evidence import Labelled
from costopt.layers.parts.tiers import Targets
from costopt.model.call import SegmentKind
from costopt.model.effect import Charge, Fee
from costopt.model.trace import Categorical
from costopt.model.view import View
from costopt.prices.contract import PriceBook

if TYPE_CHECKING:
    from costopt.layers.route import Route

Mask = NDArray[np.bool_]
NOWHERE = -1
"""No decision: the call stays where it is."""


@dataclass(frozen=True)
class Asked:
    """The calls before a router, and all that it may look at."""

    route: Route
    view: View
    rows: Mask  # [call]: those that it decides
    targets: Targets
    labelled: Labelled
    prices: PriceBook
    artifacts: Artifacts


@dataclass(frozen=True)
class Decided:
    """Tiers by call. A classifier never decides a call by that call's own label."""

    tier: NDArray[np.int8]  # [call], number of the tier; NOWHERE
    judged: Mask | None = None
    """[call]: where quality may be read off; None: all, since nothing was fitted on labels."""
    charges: tuple[Charge, ...] = ()
    fees: tuple[Fee, ...] = ()
    tally: Mapping[str, int] = field(default_factory=dict)
    detail: Mapping[str, Any] = field(default_factory=dict)
    score: tuple[tuple[str, NDArray[np.float64]], ...] = ()
    """By tier: [call], how sure the classifier is, for the curve over thresholds; NaN: not decided."""
    notes: tuple[str, ...] = ()


class Router(Protocol):
    """`layers/routers/<classifier>.py` has `decide`."""

    def __call__(self, asked: Asked) -> Decided: ...


def router(name: str) -> Router:
    """The classifier of that name."""
    found: Router = importlib.import_module(f"costopt.layers.routers.{name}").decide
    return found


def nothing(asked: Asked, *notes: str) -> Decided:
    """No call is decided, and why."""
    return Decided(np.full(asked.view.trace.n, NOWHERE, np.int8), notes=notes)


def column(asked: Asked, part: str, where: str) -> Categorical:
    """A column of the log by its part. UsageError: there is none."""
    try:
        found: Categorical = asked.artifacts.column(asked.view, part)
    except KeyError:
        raise UsageError(
            f"route: the log has no column `{part}`.", where=where,
            hint="Use agent, task, tags, session, metadata.NAME or a part of `fields:`.",
        ) from None  # fmt: skip
    return found


def last_user(view: View) -> NDArray[np.int32]:  # [call]
    """Segment of each request's last user message; NOWHERE: it shows none."""
    block = view.request
    is_user = view.segments.kind[block.ids] == SegmentKind.USER
    found = np.full(len(block.offsets) - 1, NOWHERE, np.int32)
    uses = np.flatnonzero(is_user)
    found[block.call_of_use()[uses]] = block.ids[uses]  # the last one is written last
    return found
