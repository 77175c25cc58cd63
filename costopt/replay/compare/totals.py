"""Predicted against measured, quantity by quantity, over the half of each arm that wrote no evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from costopt.model.leaf import N_LEAVES, Leaf
from costopt.model.replayed import Compared
from costopt.money import PICO_PER_USD
from costopt.replay.compare.known import ExtraPrice, Known, Price
from costopt.replay.compare.measured import Measured, Row
from costopt.replay.compare.ratio import (
    MIN_CALLS,
    MIN_SESSIONS,
    Foretold,
    Ratio,
    Sizes,
    foretold,
    interval,
    ratio_of,
)
from costopt.replay.items import Arm, Half, Item, Plan

BARE = "log"
CALIBRATED = "log x ratio measured on the other half"
NO_PRICE = "No price of the projection was given."
BATCH = "batch"
_NO_JUDGE = "No answered request is of the half that judges."
_PROBE_TOKENS = 1_000
"""Below every tier of long contexts."""


@dataclass(frozen=True)
class Quantity:
    """One column of the comparison."""

    name: str
    predicted: Callable[[Item], float | None]
    """None: the projection says nothing of it for this request."""
    measured: Callable[[Row], float | None]
    """None: the endpoint did not say."""
    unsaid: str
    """Why nothing is measured where no row says anything."""
    variance: Callable[[Item], float] = lambda item: 0.0
    """Of the prediction itself, in squared units."""
    time: bool = False
    """Shown as a mean a call, not as a total, and without an interval: requests under way at once share the
    server's load, so sessions are no independent trials of its speed."""


def compare_totals(plan: Plan, measured: Measured, known: Known) -> list[Compared]:
    """Every quantity of every arm that was planned, arms in the order of `Arm`."""
    out: list[Compared] = []
    for arm in Arm:
        items = [item for item in plan.items if item.arm == arm]
        if items:
            found = [measured.by_id[i.id] for i in items if i.id in measured.by_id]
            out += [_compared(q, arm, items, found, measured.reason) for q in quantities(known)]
    return out


def quantities(known: Known) -> list[Quantity]:
    """Tokens and dollars as totals, times as means a call."""
    no_usage = "The endpoint gave no usage."
    return [
        Quantity(
            "input_tokens", lambda i: i.predicted.input_tokens, lambda r: r.input_tokens, no_usage
        ),
        Quantity(
            "cache_read_tokens", lambda i: i.predicted.cache_read_tokens,
            lambda r: r.cache_read_tokens, "The endpoint does not say what it read from its cache.",
            lambda i: i.predicted.cache_read_variance,
        ),
        Quantity(
            "output_tokens", lambda i: i.predicted.output_tokens, lambda r: r.output_tokens, no_usage
        ),
        _dollars(known.price, known.extra_price),
        Quantity(
            "latency_ms", lambda i: _timed(i, i.predicted.latency_ms),
            lambda r: r.completion.latency_ms, "No answer was timed.", time=True,
        ),
        Quantity(
            "ttft_ms", lambda i: _timed(i, i.predicted.ttft_ms), lambda r: r.completion.ttft_ms,
            "No answer was streamed.", time=True,
        ),
    ]  # fmt: skip


def _timed(item: Item, ms: float | None) -> float | None:
    """A batch job's line waits for hours: its time is no latency."""
    return None if item.request.service_tier == BATCH else ms


def _dollars(price: Price | None, extra_price: ExtraPrice | None) -> Quantity:
    def charged(row: Row) -> float | None:
        if price is None or row.leaves is None:
            return None
        further = _further(row, extra_price)
        return None if further is None else (price(row.item, row.leaves) + further) / PICO_PER_USD

    def variance(item: Item) -> float:
        if price is None or not item.predicted.cache_read_variance:
            return 0.0
        return item.predicted.cache_read_variance * (_discount(price, item) / PICO_PER_USD) ** 2

    why = NO_PRICE if price is None else "The endpoint gave no usage."
    return Quantity("usd", lambda i: i.predicted.usd_pusd / PICO_PER_USD, charged, why, variance)


def _further(row: Row, extra_price: ExtraPrice | None) -> int | None:
    """Pico-dollars of other models inside an answer; None: unknown."""
    extra = row.completion.answer.extra
    if not extra:
        return 0
    return None if extra_price is None else extra_price(row.item, extra)


def _discount(price: Price, item: Item) -> float:
    """Pico-dollars that a token read from the cache costs less than a fresh one."""
    fresh, read = [0] * N_LEAVES, [0] * N_LEAVES
    fresh[Leaf.INPUT_FRESH] = read[Leaf.CACHE_READ] = _PROBE_TOKENS
    return (price(item, fresh) - price(item, read)) / _PROBE_TOKENS


@dataclass(frozen=True)
class _Call:
    """One call of which both the projection and the endpoint say something."""

    item: Item
    predicted: float
    measured: float


def _compared(
    quantity: Quantity, arm: Arm, items: Sequence[Item], rows: Iterable[Row], reason: str
) -> Compared:
    rows = list(rows)
    calls = list(_both(quantity, rows))
    judged = [c for c in calls if c.item.half == Half.JUDGES]
    if not judged:
        alone = [m for r in rows if r.item.half == Half.JUDGES and (m := _timed_only(quantity, r))]
        if alone:
            return _without_prediction(quantity, arm, alone)
        return _unmeasured(quantity, arm, items, rows, reason)
    parts, note = _parts(quantity, judged, [c for c in calls if c.item.half == Half.WRITES])
    scale = len(judged) if quantity.time else 1
    total, measured = sum(p.total for p in parts), sum(c.measured for c in judged)
    bounds = None if quantity.time else interval(parts)
    low_high = None if bounds is None else [b / scale for b in bounds]
    bare = sum(c.predicted for c in judged)
    return Compared(
        what=quantity.name, arm=arm.value, calls=len(judged), predicted=bare / scale,
        measured=measured / scale, diff_pct=_diff_pct(bare, measured),
        calibrated=total / scale, calibrated_ci95=low_high,
        inside=None if bounds is None else _inside(bounds, measured, whole=quantity.name != "usd"),
        basis=BARE if note else CALIBRATED, reason="" if note == BARE else note,
    )  # fmt: skip


def _timed_only(quantity: Quantity, row: Row) -> float | None:
    """A time that the log does not have, and that is measured all the same."""
    batched = row.item.request.service_tier == BATCH
    return quantity.measured(row) if quantity.time and not batched else None


def _without_prediction(quantity: Quantity, arm: Arm, alone: Sequence[float]) -> Compared:
    mean = sum(alone) / len(alone)
    return Compared(
        quantity.name, arm.value, len(alone), None, mean, None, None, None, None, BARE,
        "The log does not have it for these calls.",
    )  # fmt: skip


def _unmeasured(
    quantity: Quantity, arm: Arm, items: Sequence[Item], rows: Sequence[Row], reason: str
) -> Compared:
    """The bare projection beside an empty column."""
    predicted = [
        p for i in items if i.half == Half.JUDGES and (p := quantity.predicted(i)) is not None
    ]
    said = any(quantity.measured(row) is not None for row in rows)
    why = reason or (_NO_JUDGE if said else quantity.unsaid)
    total = sum(predicted) / (len(predicted) if quantity.time else 1) if predicted else None
    return Compared(
        quantity.name, arm.value, 0, total, None, None, total, None, None, BARE, why
    )  # fmt: skip


def _both(quantity: Quantity, rows: Iterable[Row]) -> Iterable[_Call]:
    for row in rows:
        predicted, measured = quantity.predicted(row.item), quantity.measured(row)
        if predicted is not None and measured is not None:
            yield _Call(row.item, float(predicted), float(measured))


def _parts(
    quantity: Quantity, judged: Sequence[_Call], wrote: Sequence[_Call]
) -> tuple[list[Foretold], str]:
    """(the total in parts, one a model; `BARE` or a sentence where it is the bare projection's)."""
    parts: list[Foretold] = []
    for models in _groups(judged, wrote):
        mine, rest = (
            [c for c in calls if c.item.request.model in models] for calls in (judged, wrote)
        )
        ratio = ratio_of(_sizes(rest))
        if ratio is None or ratio.sessions < MIN_SESSIONS:
            bare = Foretold(sum(c.predicted for c in judged), float("nan"), 1.0)
            return [bare], _THIN if rest else BARE
        own = tuple(sum(quantity.variance(c.item) for c in calls) for calls in (rest, mine))
        parts.append(foretold(ratio, _sizes(mine), (own[0], own[1])))
    return parts, ""


_THIN = f"The writing half has fewer than {MIN_SESSIONS} sessions: their ratio would be chance."


def _groups(judged: Sequence[_Call], wrote: Sequence[_Call]) -> list[set[str]]:
    """Models that share a ratio: each its own, and those with too few calls or sessions together; where
    these are too few still, with the largest."""
    by_model: dict[str, list[_Call]] = {c.item.request.model: [] for c in (*judged, *wrote)}
    for call in wrote:
        by_model[call.item.request.model].append(call)
    ready = [m for m, calls in by_model.items() if _enough(calls)]
    small = [m for m in by_model if m not in ready]
    if not small:
        return [{m} for m in ready]
    if ready and not _enough([c for m in small for c in by_model[m]]):
        largest = max(ready, key=lambda m: len(by_model[m]))
        return [{m, *(small if m == largest else ())} for m in ready]
    return [*({m} for m in ready), set(small)]


def _enough(calls: Sequence[_Call]) -> bool:
    return len(calls) >= MIN_CALLS and len({c.item.cluster for c in calls}) >= MIN_SESSIONS


def _sizes(calls: Sequence[_Call]) -> Sizes:
    return Sizes.of(
        [c.predicted for c in calls], [c.measured for c in calls], [c.item.cluster for c in calls]
    )


def calibration(rows: Iterable[Row], what: str, known: Known) -> Ratio | None:
    """Measured over predicted of one quantity, for the evidence."""
    quantity = next(q for q in quantities(known) if q.name == what)
    return ratio_of(_sizes(list(_both(quantity, rows))))


def _diff_pct(predicted: float, measured: float) -> float | None:
    return None if predicted == 0 else 100 * (measured - predicted) / predicted


def _inside(bounds: tuple[float, float], measured: float, *, whole: bool) -> bool:
    """`whole`: counts are integers, and a bound between two of them is no nearer to either."""
    slack = 0.5 if whole else 1e-9 * max(1e-6, abs(measured))
    return bounds[0] - slack <= measured <= bounds[1] + slack
