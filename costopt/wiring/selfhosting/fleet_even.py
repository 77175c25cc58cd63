"""From how much traffic on a fleet is not dearer than the API, simulated; and both over many multiples.

A log of weeks times a large multiple is more than has to be simulated: a stretch of whole days stands for it
then, the one whose traffic is nearest to the log's mean, with its peaks as they were.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np

from costopt.errors import UsageError
from costopt.money import usd_float
from costopt.report.selfhost import Even, Point, Rents
from costopt.serving.arrivals import DAY_S, Arrivals
from costopt.serving.break_even import (
    BreakEven,
    NeverEven,
    Problem,
    break_even,
    crossing,
)
from costopt.serving.core.run import compiled
from costopt.serving.deployment import Deployed, Wish
from costopt.serving.fleet.replica import GROUPS, Replica, replica

MOST_REQUESTS = 60_000
"""Simulated at once for a break-even: a second or two."""
MOST_BLOCKS = 1_500_000
"""Blocks of prompts and answers in them: long prompts take longer than many."""
PLACES = ("low", "typical", "high")
TABLE = (0.25, 0.5, 1.0, 1.5, 2.0)
"""Of the break-even: rows of the small table, beside today."""
CHART_SHARE = 0.5
"""Of these requests, for each place of a chart: there are many."""


@dataclass(frozen=True)
class Today:
    """Traffic at scale 1 and the API's bill of a day of it."""

    arrivals: Arrivals
    day_pusd: int
    seed: int

    def problem(
        self, found: Deployed, one: Replica, multiple: float, share_of_most: float = 1.0
    ) -> tuple[Problem, float, int]:
        """(problem, its traffic over the log's mean, days it was cut to or 0) for about this multiple."""
        part, days = shortened(self.arrivals, multiple / share_of_most)
        share = part.tokens_per_day / self.arrivals.tokens_per_day
        problem = Problem(
            part, one, found.wish.slo, found.rent, round(self.day_pusd * share), found.wish.routing,
            self.seed,
        )  # fmt: skip
        return problem, share, days

    def bought(self, one: Replica, second_pusd: int) -> float:
        """The multiple whose bill is one replica's rent; 0: the bill is $0."""
        return one.gpus * DAY_S * second_pusd / self.day_pusd if self.day_pusd > 0 else 0.0


def shortened(arrivals: Arrivals, multiple: float) -> tuple[Arrivals, int]:
    """(whole days that stand for the log, how many; 0: all of it is simulated)."""
    whole = int(arrivals.span_s // DAY_S)
    room = _room(arrivals) / max(multiple, 1.0)
    if room >= 1 or whole < 2:
        return arrivals, 0
    days = max(int(whole * room), 1)
    tokens = np.bincount(
        (arrivals.at_s // DAY_S).astype(np.int64),
        weights=arrivals.prompt_tokens + arrivals.output_tokens, minlength=whole,
    )[:whole]  # fmt: skip
    sums = np.convolve(tokens, np.ones(days), "valid")
    first = int(np.argmin(np.abs(sums / days - arrivals.tokens_per_day)))
    begin, end = first * DAY_S, (first + days) * DAY_S
    rows = (arrivals.at_s >= begin) & (arrivals.at_s < end)
    if not rows.any():
        return arrivals, 0
    part = arrivals.part(rows)
    return replace(part, at_s=part.at_s - begin, span_s=days * DAY_S), days


def _room(arrivals: Arrivals) -> float:
    """The multiple of these requests that is simulated in seconds."""
    by_blocks = MOST_BLOCKS / max(len(arrivals.block_ids), 1)
    return min(MOST_REQUESTS / max(arrivals.n, 1), by_blocks)


def evens(
    today: Today, found: Deployed, places: Collection[str] = PLACES
) -> tuple[dict[str, Even], str]:
    """({place in the rents: where it begins to pay}, a note where days stand for the log)."""
    rent = found.rent
    seconds = dict(zip(PLACES, (rent.low_pusd, rent.typical_pusd, rent.high_pusd), strict=True))
    known: dict[int, tuple[Even, str]] = {}
    for place in places:
        if seconds[place] not in known:
            known[seconds[place]] = _even(today, found, int(seconds[place]))
    note = next((note for _, note in known.values() if note), "")
    return {place: known[seconds[place]][0] for place in PLACES if place in places}, note


def _even(today: Today, found: Deployed, second: int) -> tuple[Even, str]:
    """With the replicas of today's fleet; where those never do, with the next larger ones."""
    first = _even_with(today, found, found.one, second)
    if first[0].multiple is not None or today.day_pusd <= 0:
        return first
    for one in _larger(found, today.arrivals)[:1]:
        even, note = _even_with(today, found, one, second)
        if even.multiple is not None:
            return replace(even, reason=f"with replicas of {one.gpus} GPUs"), note
    return first


def _larger(found: Deployed, arrivals: Arrivals) -> list[Replica]:
    """Of more GPUs each, as far as the wish leaves that open."""
    wish, made = found.wish, []
    for group in () if wish.tensor_parallel else GROUPS:
        if group > found.one.gpus:
            try:
                made.append(_replica(wish, group, arrivals))
            except UsageError:
                continue  # heads that cannot be split over so many
    return made


def _replica(wish: Wish, group: int, arrivals: Arrivals) -> Replica:
    return replica(
        wish.shape, wish.gpu, arrivals, precision_name=wish.precision, tensor_parallel=group,
        engine_name=wish.engine, kv_cache=wish.kv_cache, drafts=wish.drafts,
        efficiencies=wish.efficiencies,
    )  # fmt: skip


def _even_with(today: Today, found: Deployed, one: Replica, second: int) -> tuple[Even, str]:
    problem, share, days = today.problem(found, one, today.bought(one, second))
    told = break_even(problem, second, fast=compiled() or None)
    many = "1 day of the log stands" if days == 1 else f"{days} days of the log stand"
    note = f"{many} for it at large multiples" if days else ""
    if isinstance(told, NeverEven):
        return Even(None, None, None, None, told.reason, told.tried_multiple * share), note
    return _found(told, share), note


def _found(told: BreakEven, share: float) -> Even:
    return Even(
        told.multiple * share, told.tokens_per_day, told.replicas, usd_float(told.day_pusd)
    )  # fmt: skip


def crossing_of(today: Today, found: Deployed, even: Even, more: int = 0) -> list[Point]:
    """API bill and smallest fleet of these replicas; `more`: so many places evenly spread, for a chart."""
    if today.day_pusd <= 0 or not today.arrivals.n:
        return []
    bought = today.bought(found.one, int(found.rent.typical_pusd))
    share_of_most = CHART_SHARE if more else 1.0
    most = max(most_of(today.arrivals, share_of_most), even.multiple or 0.0)
    multiples = multiples_of(even.multiple or bought, more, most)
    problem, share, _ = today.problem(found, found.one, max(multiples), share_of_most)
    return [
        Point(
            p.multiple * share, p.tokens_per_day, usd_float(p.api_pusd),
            p.replicas if p.fleet else None,
            Rents(*(usd_float(v) for v in (
                p.fleet.day.low_pusd, p.fleet.day.typical_pusd, p.fleet.day.high_pusd
            ))) if p.fleet else None,
            p.reason,
        )
        for p in crossing(problem, [m / share for m in multiples], fast=compiled() or None)
    ]  # fmt: skip


def most_of(arrivals: Arrivals, share_of_most: float = 1.0) -> float:
    """The largest multiple whose simulation is a matter of seconds."""
    return max(share_of_most * _room(arrivals) * max(int(arrivals.days), 1), 1.0)


def multiples_of(middle: float, more: int, most: float) -> list[float]:
    """Today, around the break-even or the traffic whose bill is one replica's rent, and for a chart a row
    of places up to twice that."""
    places = [1.0, *(middle * m for m in TABLE)]
    places = [m for m in places if m <= most]
    if most < 2 * middle and most > 1:
        places.append(most)
    end = max(places)
    places += [end * (i + 1) / more for i in range(more)]
    return sorted(set(places))
