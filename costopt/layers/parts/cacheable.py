"""What exact and semantic caches share: who asks, the rules of a replay, what a hit changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field

from costopt.billing.prompt_cache.namespace import combined
from costopt.layers.base import Artifacts
from costopt.layers.eviction import evictions
from costopt.layers.parts.answers import Answers, Compared, answers_of
from costopt.layers.parts.clustered import EntryHits
from costopt.layers.parts.graph import NEVER, Arrivals, Served
from costopt.layers.parts.turns import editable
from costopt.layers.settings import Duration, Patterns, matching
from costopt.model.call import CallStatus
from costopt.model.trace import NO_TIME
from costopt.model.view import Column, View
from costopt.prices.contract import PriceBook

Int = NDArray[np.int64]
Bool = NDArray[np.bool_]

Ttl = Duration | Literal["none"]
"""Seconds (`1h`), or `none`: an entry never expires."""
Capacity = Annotated[int, Field(ge=1)]


def _known(name: str) -> str:
    if name not in evictions():
        raise ValueError(f"`{name}` is no eviction: {', '.join(evictions())}")
    return name


EvictionName = Annotated[str, AfterValidator(_known)]
"""A file of `layers/eviction`."""


def microseconds(ttl: Ttl) -> int:
    """A ttl as the replay wants it."""
    return NEVER if isinstance(ttl, str) else round(ttl * 1e6)


def asking(
    view: View, prices: PriceBook, artifacts: Artifacts, match: Patterns, ttl: Ttl
) -> tuple[Bool, Bool]:  # [call], [call]
    """(calls that ask a cache, those that would if the log had a time: a ttl has to be measured)."""
    calls = editable(view, prices) & matching(view, match, artifacts) & (view.trace.requests == 1)
    timeless = view.at_us == NO_TIME
    if microseconds(ttl) == NEVER:
        return calls, np.zeros(view.trace.n, np.bool_)
    return calls & ~timeless, calls & timeless


def without_content(view: View) -> int:
    """Calls that were made and answered, of which the log shows no request."""
    trace = view.trace
    return int((view.sent & (trace.status == CallStatus.OK) & ~trace.has_content).sum())


def not_sent(view: View, hits: Int) -> dict[Column, Any]:
    """The columns that hits change: the provider sees nothing of them."""
    if not len(hits):
        return {}
    sent = view.sent.copy()
    sent[hits] = False
    return {Column.SENT: sent}


def rows_where(n: int, rows: Int) -> Bool:  # [call]
    """These rows as a mask."""
    out = np.zeros(n, np.bool_)
    out[rows] = True
    return out


@dataclass(frozen=True, eq=False)
class Pairs:
    """Hits as calls: the one served and the one whose answer it gets."""

    hit: Int  # [hit]
    source: Int  # [hit]

    @classmethod
    def of(cls, arrivals: Arrivals, served: Served) -> Pairs:
        hits = served.hits
        return cls.at(arrivals, hits, served.source[hits])

    @classmethod
    def at(cls, arrivals: Arrivals, hit: NDArray[np.integer], source: NDArray[np.integer]) -> Pairs:
        """From places among the arrivals."""
        return cls(arrivals.rows[hit], arrivals.rows[source])


def sources_of(n: int, pairs: Pairs) -> Int:
    """[call]: the call whose answer it gets; -1: it is sent."""
    out = np.full(n, -1, np.int64)
    out[pairs.hit] = pairs.source
    return out


def answers_for(view: View, artifacts: Artifacts, rows: Int) -> Answers:
    """Answers of these calls."""
    return answers_of(view, artifacts.texts(view), rows, answer_groups(view, artifacts))


def answer_groups(view: View, artifacts: Artifacts) -> Int:  # [call]
    """Code of agent and task: the answers of one group may be a set of labels."""
    return combined(
        [artifacts.column(view, part).codes for part in ("agent", "task")], view.trace.n
    )


def false_ci95(pairs: Pairs, compared: Compared) -> tuple[float, float] | None:
    """Interval of the share of hits with another answer; hits of one entry go together."""
    known = compared.known
    if not known.any():
        return None
    entries = EntryHits.of(pairs.source[known], compared.false[known])
    low, high = entries.interval(np.random.default_rng(0))
    return round(low, 6), round(high, 6)


def ratio(part: float, whole: float) -> float | None:
    """Rounded to a millionth; None: of nothing."""
    return round(part / whole, 6) if whole else None


def gaps(tally: Mapping[str, int], latency: bool = True) -> list[str]:
    """Sentences on what the log leaves out."""
    out = []
    if tally.get("calls_without_time"):
        out.append(
            f"{tally['calls_without_time']} calls have no time, so nobody knows what a ttl lets them "
            "find: they ask nothing here. `ttl: none` takes them in the log's order."
        )
    if latency and tally.get("calls_without_latency"):
        out.append(
            f"{tally['calls_without_latency']} calls have no latency: their answers count as there at "
            "once, so calls close together may hit too often."
        )
    return out


def joined_words(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def why_none(tally: Mapping[str, int]) -> str:
    """Why nobody asked the cache."""
    reasons = [
        f"{tally[name]} {words}"
        for name, words in (
            ("agent_turns", "are turns inside a loop or conversation"),
            ("calls_without_text", "have no text in the log"),
            ("calls_without_time", "have no time"),
        )
        if tally.get(name)
    ]
    return f"No call is eligible: {joined_words(reasons) or 'none fits `match`'}."
