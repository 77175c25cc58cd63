"""Which calls a fleet of one's own can take, what they count for there, and why the others stay."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from costopt.billing.marginal import charged
from costopt.errors import UsageError
from costopt.layers.base import Artifacts
from costopt.layers.parts.moved_tokens import Expected, moved_leaves
from costopt.layers.parts.moves import MODAL, Moves
from costopt.layers.parts.reasoning import expected_reasoning
from costopt.layers.parts.retokenise import Ratios, equal_ratios, ratios
from costopt.layers.parts.routing_evidence import measured_ratio
from costopt.layers.parts.self_host_served import Served
from costopt.layers.settings import matching
from costopt.model.call import CallStatus, SegmentKind
from costopt.model.leaf import INPUT, OUTPUT
from costopt.model.own_fleet import OWN_FLEET, on_own_fleet
from costopt.model.trace import NO_TIME
from costopt.model.view import View
from costopt.prices.contract import PriceBook
from costopt.serving.models import ModelShape, shape

if TYPE_CHECKING:
    from costopt.layers.self_host import SelfHost

Int = NDArray[np.int64]
Bool = NDArray[np.bool_]


class Stay(IntEnum):
    """Why a call that `match` picks stays at its provider; NONE: it moves."""

    NONE = 0
    NOT_CHARGED = 1
    SEVERAL = 2
    NO_TIME = 3
    NO_TOKENS = 4
    OTHER_MODEL = 5
    NOT_TEXT = 6
    HOSTED = 7
    REASONING = 8
    TOO_LONG = 9


STAY_WORDS = {stay: stay.name.lower() for stay in Stay if stay is not Stay.NONE}


def moves_of(served: Served, view: View, prices: PriceBook, artifacts: Artifacts) -> Moves:
    """All that can move, moved; the others with their bar."""
    layer = served.layer
    moves = Moves.of(view)
    asked = _asked(layer, view, artifacts)
    for stay, rows in _barred(view, prices):
        moves.bar[asked & rows & (moves.bar == Stay.NONE)] = stay
    ready = np.flatnonzero(asked & (moves.bar == Stay.NONE))
    logged, now = view.trace.dims["model"], view.model
    width = len(now.values)
    pair = logged.codes[ready].astype(np.int64) * width + now.codes[ready]
    for code in np.unique(pair).tolist():
        names = logged.values[code // width], now.values[code % width]
        _move(moves, served, ready[pair == code], names, artifacts)
    return moves


def _asked(layer: SelfHost, view: View, artifacts: Artifacts) -> Bool:  # [call]
    """Answered calls that the policy picks and that are somebody else's still."""
    answered = view.sent & (view.trace.status == CallStatus.OK)
    return np.asarray(
        answered & ~on_own_fleet(view.provider) & matching(view, layer.match, artifacts)
    )


def _barred(view: View, prices: PriceBook) -> Iterator[tuple[Stay, Bool]]:
    """Reasons that the model has no part in, the first that holds counts."""
    trace = view.trace
    yield Stay.NOT_CHARGED, ~charged(view, prices)
    yield Stay.SEVERAL, trace.requests != 1
    yield Stay.NO_TIME, view.at_us == NO_TIME
    yield Stay.NO_TOKENS, view.leaves.sum(axis=1) == 0
    inside = np.zeros(trace.n, np.bool_)
    inside[[call for call, _, _ in trace.extra]] = True
    yield Stay.OTHER_MODEL, inside
    yield Stay.NOT_TEXT, (view.leaves[:, MODAL] > 0).any(axis=1) | _with_pictures(view)
    yield Stay.HOSTED, trace.web_searches > 0


def _with_pictures(view: View) -> Bool:  # [call]
    """A request holds a picture or a file, counted apart or not."""
    shown = np.isin(view.segments.kind, (SegmentKind.IMAGE, SegmentKind.FILE))
    before = np.concatenate(([0], np.cumsum(shown[view.request.ids], dtype=np.int64)))
    return np.asarray(before[view.request.offsets[1:]] > before[view.request.offsets[:-1]])


def _move(
    moves: Moves, served: Served, rows: Int, names: tuple[str, str], artifacts: Artifacts
) -> None:
    """Calls of one model, counted as the fleet's model would. `names`: as logged, and as a router in
    front has it; a replay compares with what was logged."""
    layer, (logged, own) = served.layer, names
    view, known = moves.view, expected_of(layer, moves.view, logged, artifacts)
    if known.reasoning is None:
        moves.bar[rows] = Stay.REASONING
        return
    scale = _scale(served, view, rows, own, artifacts)
    before = view.leaves[rows]
    if logged != own and known.output_basis == "measured":
        before[:, OUTPUT] = view.trace.leaves[rows][:, OUTPUT]
    leaves = moved_leaves(before, scale, known)
    moves.without_text[rows] = scale.without_text
    total = leaves[:, INPUT].sum(axis=1) + leaves[:, OUTPUT].sum(axis=1)
    fits = total <= served.most_tokens
    moves.bar[rows[~fits]] = Stay.TOO_LONG
    code = len(moves.told)
    moves.leaves[rows[fits]], moves.move[rows[fits]] = leaves[fits], code
    moves.sold_as[code] = OWN_FLEET, layer.model
    via = {} if logged == own else {"routed_to": own}
    moves.told.append({"from": logged, "to": layer.model, **via, **known.told()})
    moves.written(rows[fits], code)


def _scale(served: Served, view: View, rows: Int, own: str, artifacts: Artifacts) -> Ratios:
    """One vocabulary on both sides counts alike: estimates of it would differ by noise alone. What a
    replay's server counted of such requests corrects the count."""
    known = _known_shape(own)
    if known is not None and known.vocab == served.shape.vocab:
        found = equal_ratios(rows)
    else:
        found = ratios(view, rows, served.layer.model, artifacts.tokens(view))
    return replace(found, request=found.request * measured_input(artifacts))


def measured_input(artifacts: Artifacts) -> float:
    """Input tokens that a replay's server counted, to those predicted; 1 where too few tell."""
    told = artifacts.measured("self_host")
    known = told.get("input_ratio") is not None and told.get("input_ratio_ci95")
    return float(told["input_ratio"]) if known else 1.0


def _known_shape(model: str) -> ModelShape | None:
    try:
        return shape(model)
    except UsageError:
        return None


def expected_of(layer: SelfHost, view: View, logged: str, artifacts: Artifacts) -> Expected:
    """Replay first, then the log's own calls of the model, then the settings."""
    measured, move = artifacts.measured("self_host"), f"{logged} -> {layer.model}"
    ratio = measured_ratio(measured, move, "output_ratio")
    basis = "assumed" if ratio is None else "measured"
    models = view.trace.dims["model"]
    same = np.array([name == layer.model for name in models.values], np.bool_)[models.codes]
    thinks, why, per_call = expected_reasoning(
        view, layer.model, same, measured_ratio(measured, move, "reasoning_ratio"),
        layer.reasoning_ratio,
    )  # fmt: skip
    return Expected(
        layer.output_ratio if ratio is None else ratio, basis, thinks, why, per_call,
        layer.reasoning_as_text,
    )  # fmt: skip
