"""The fleet behind a layer: the moved calls as arrivals, the machines that serve them, and their rent.

The rent is for time, not for tokens. It is charged over the moved calls by the work they cause: the
part that prompts take by the prompt tokens that the engine's own prefix cache did not hold, the rest
by the tokens written. The parts sum to the rent exactly.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from costopt.errors import UsageError
from costopt.layers.base import Artifacts
from costopt.layers.parts.moves import Moves
from costopt.layers.parts.self_host_drafts import drafts_of
from costopt.layers.parts.self_host_served import Served
from costopt.model.effect import Fee
from costopt.model.trace import NO_TIME
from costopt.model.view import View
from costopt.money import PICO_PER_USD, split_exact
from costopt.prices.contract import PriceBook, own_rents
from costopt.serving.arrivals import DAY_S, Arrivals
from costopt.serving.arrivals_log import arrivals_of
from costopt.serving.arrivals_scaled import scaled
from costopt.serving.deployment import Deployed, Undeployed, Wish, deploy
from costopt.serving.economics import Range
from costopt.serving.fleet.slo import Slo
from costopt.serving.fleet.terms import Routing, Scaling
from costopt.serving.hardware import gpu
from costopt.serving.rents import Rents, Terms

if TYPE_CHECKING:
    from costopt.layers.self_host import SelfHost

Int = NDArray[np.int64]
WHAT = "self_host: rent"
_HALVINGS = 60
_KEPT_REQUESTS = 2_000_000
"""Of fleets kept for a sweep or for shares: a dozen numbers a request."""
_kept: OrderedDict[str, Deployed | Undeployed] = OrderedDict()
_lock = Lock()


@dataclass(frozen=True)
class Traffic:
    """What the fleet serves. `rows`: [moved call] rows of the view in order of arrival."""

    rows: Int
    arrivals: Arrivals
    """Of the whole traffic, where the log is a sample of it."""
    own: Arrivals
    """Of the log's calls alone."""
    charged: Fraction
    """Of a day's rent, what the log's calls bear: the days they stand for, times their share."""
    logged_s: float
    """From the first to the last call."""

    @property
    def part(self) -> Fraction:
        """Of the rent of the arrivals' own window, what the log's calls bear: less than all where the log is
        a sample."""
        return self.charged / Fraction(round(1e6 * self.arrivals.span_s), round(1e6 * DAY_S))


def traffic_of(layer: SelfHost, view: View, moves: Moves, artifacts: Artifacts) -> Traffic:
    """The moved calls at their logged times, with the lengths they have on the fleet."""
    rows = np.flatnonzero(moves.moved)
    after = view.edited(**{c.value: v for c, v in moves.columns().items()})
    logged_s = _logged_s(view, artifacts)
    span_s = max(logged_s, layer.hours * 3600 or DAY_S)
    own = arrivals_of(
        after, moves.moved, span_s=span_s, segment_tokens=_segment_tokens(layer, after, rows, artifacts)
    )  # fmt: skip
    if artifacts.drawn.share < 1:
        own = closed_up(own, span_s * artifacts.drawn.share)
    rate = view.trace.sample_rate or 1.0
    whole = scaled(own, 1 / rate) if rate < 1 else own
    days = Fraction(round(1e6 * span_s), round(1e6 * DAY_S))
    share = Fraction(artifacts.drawn.share) * Fraction(min(rate, 1.0))
    order = rows[np.argsort(view.at_us[rows], kind="stable")]
    return Traffic(order, whole, own, days * share, logged_s)


def closed_up(arrivals: Arrivals, span_s: float) -> Arrivals:
    """Stretches of a log moved together until they fill their share of its time: the longest gaps, which
    lie between the stretches, are cut to one length. The traffic inside a stretch stays as it was."""
    if not arrivals.n:
        return replace(arrivals, span_s=span_s)
    gaps = np.diff(arrivals.at_s, prepend=0.0)
    low, high = 0.0, float(gaps.max())
    if gaps.sum() > span_s:
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            low, high = (middle, high) if np.minimum(gaps, middle).sum() < span_s else (low, middle)
    return replace(arrivals, at_s=np.cumsum(np.minimum(gaps, high)), span_s=span_s)


def _logged_s(view: View, artifacts: Artifacts) -> float:
    known = view.at_us[view.at_us != NO_TIME]
    found = float(known.max() - known.min()) / 1e6 if len(known) else 0.0
    return max(found, artifacts.drawn.span_s or 0.0)


def _segment_tokens(layer: SelfHost, view: View, rows: Int, artifacts: Artifacts) -> Int:
    """[segment] as the model counts it, where a moved call uses it."""
    tokens = view.segments.tokens.copy()
    used = np.unique(np.concatenate([
        block.ids[block.uses_of(rows)] for block in (view.request, view.response)
    ]))  # fmt: skip
    readable = used[view.segments.has_text[used] | (used >= len(view.made.base))]
    tokens[readable] = artifacts.tokens(view).count(readable.astype(np.int32), layer.model)
    return tokens


def wish_of(served: Served) -> Wish:
    """What the settings ask for. UsageError: a name that nobody knows."""
    layer = served.layer
    slo = Slo(
        None if layer.ttft_ms is None else layer.ttft_ms / 1000,
        None if layer.tpot_ms is None else layer.tpot_ms / 1000,
        None if layer.e2e_ms is None else layer.e2e_ms / 1000,
        layer.percentile,
    )
    scaling = Scaling(target=layer.autoscale_target, start_s=layer.autoscale_start)
    return Wish(
        served.shape, layer.gpu, layer.engine, layer.precision, layer.tensor_parallel,
        layer.kv_cache, slo, Routing[layer.routing.upper()], Terms(layer.terms), layer.replicas,
        scaling if layer.autoscale else None, drafts_of(layer, served.shape), served.efficiencies,
    )  # fmt: skip


def rents_of(layer: SelfHost, prices: PriceBook) -> Rents:
    """At the day of the projection's prices; `rents` of the price overlay in front, and the layer's own
    price before both."""
    own = own_rents(prices)
    if layer.usd_per_gpu_hour is None:
        return Rents(prices.as_of, own)
    stated = str(Decimal(repr(layer.usd_per_gpu_hour)))
    others = {name: price for name, price in own.items() if gpu(name) != gpu(layer.gpu)}
    return Rents(prices.as_of, {**others, layer.gpu: {layer.terms: stated}})


def fleet_of(arrivals: Arrivals, wish: Wish, rents: Rents) -> Deployed | Undeployed:
    """The same content gives the same object: a sweep, shares and intervals ask again and again."""
    key = _key(arrivals, wish, rents)
    with _lock:
        found = _kept.get(key)
        if found is not None:
            _kept.move_to_end(key)
            return found
    made = deploy(arrivals, wish, rents)
    with _lock:
        _kept[key] = made
        while len(_kept) > 1 and sum(map(_requests, _kept.values())) > _KEPT_REQUESTS:
            _kept.popitem(last=False)
    return made


def _requests(found: Deployed | Undeployed) -> int:
    return len(found.fleet.replica) if isinstance(found, Deployed) else 0


def _key(arrivals: Arrivals, wish: Wish, rents: Rents) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for array in (
        arrivals.at_s, arrivals.prompt_tokens, arrivals.output_tokens, arrivals.session,
        arrivals.block_offsets, arrivals.block_ids,
    ):  # fmt: skip
        digest.update(len(array).to_bytes(8, "little") + np.ascontiguousarray(array).tobytes())
    asked = arrivals.span_s, wish, rents.rent(wish.gpu, wish.terms)
    digest.update(repr(asked).encode())
    return digest.hexdigest()


def day_pusd(layer: SelfHost, found: Deployed) -> int:
    """A day's rent at the chosen place between the cheapest and the dearest provider."""
    return _placed(layer, found.cost.day)


def _placed(layer: SelfHost, rents: Range) -> int:
    place = Fraction(repr(layer.rent_at))
    low, middle, high = int(rents.low_pusd), int(rents.typical_pusd), int(rents.high_pusd)
    if place <= Fraction(1, 2):
        return low + round((middle - low) * 2 * place)
    return middle + round((high - middle) * (2 * place - 1))


MOST_PUSD = 4 * 10**18
"""Four million dollars: what one call's column of pico-dollars holds twice."""


def fees_of(layer: SelfHost, traffic: Traffic, found: Deployed) -> tuple[tuple[Fee, ...], int]:
    """(the rent of the log's time over its moved calls, in all in pico-dollars)."""
    rent = round(_placed(layer, found.cost.window) * traffic.part)
    if rent > MOST_PUSD:
        many = f"{found.gpus} GPU" + ("s" if found.gpus > 1 else "")
        raise UsageError(
            f"self_host: the rent of {many} over the log's time is ${rent / PICO_PER_USD:,.0f}, more than "
            "a call can be charged.",
            hint="Check `usd_per_gpu_hour` and `hours`.",
        )
    parts = found.cost.effective
    halves = [int(parts.input_pusd), int(parts.output_pusd)]
    into, out = split_exact(rent, halves if any(halves) else [1, 1])
    own, hits = traffic.own, found.fleet.run.hit_tokens
    kept = hits if len(hits) == own.n else np.zeros(own.n, np.int64)
    fresh = np.maximum(own.prompt_tokens - kept, 1)
    shares = [
        np.array(split_exact(amount, weights.tolist()), np.int64)
        for amount, weights in ((into, fresh), (out, np.maximum(own.output_tokens, 1)))
    ]
    source = f"{found.rent.gpu}, {found.rent.terms.value}: {rent_source(found)}"
    return (Fee(WHAT, traffic.rows, shares[0] + shares[1], source),), rent


def rent_source(found: Deployed) -> str:
    """Where the rent comes from."""
    quotes = found.rent.quotes
    if not quotes:
        return "the policy's own price"
    many = f"{len(quotes)} providers" if len(quotes) > 1 else quotes[0].provider
    return f"{many}, last read {found.rent.read}"
