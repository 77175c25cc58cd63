"""The layer `exact_cache`: a request that was sent before, byte for byte, is not sent again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from costopt.layers.base import Artifacts, Partition
from costopt.layers.parts.answers import Verdict, basis_words
from costopt.layers.parts.cacheable import (
    Capacity,
    EvictionName,
    Pairs,
    Ttl,
    answers_for,
    asking,
    false_ci95,
    gaps,
    microseconds,
    not_sent,
    ratio,
    rows_where,
    sources_of,
    why_none,
    without_content,
)
from costopt.layers.parts.graph import NEVER, PPM, Graph, Rules
from costopt.layers.parts.keys import Keys, arrivals, exact_keys
from costopt.layers.parts.replayed import replay
from costopt.layers.settings import Patterns
from costopt.model.effect import Effect, Fee, LayerReport, Risk
from costopt.model.view import Column, View
from costopt.money import PICO_PER_USD
from costopt.prices.contract import PriceBook

Int = NDArray[np.int64]

MOST_UNJUDGED = 0.05
"""The risk counts as measured where at most one hit in twenty lacks an answer to compare."""


@dataclass(frozen=True)
class ExactCache:
    """Answer a request from a cache if the very same bytes were sent before.

    ## Where the money goes
    Retries, scheduled jobs over unchanged input, popular questions, a step that several workers run:
    the same request goes out again and is paid for in full.

    ## What can go wrong
    Nothing that the model did not say to that very request. But a request is sometimes repeated *because*
    its first answer was no good: an agent that tries again then gets the same answer again. Where answers
    are meant to vary (drafts, samples at a temperature), a cache stops that.

    ## How it is simulated
    Calls in order of arrival. The key is a hash of all blocks of the request in order, with provider,
    model, `max_tokens`, temperature and all further parameters (a schema of the answer, `top_p`, a tool that
    must be called) as far as the log has them, and tenant and agent always. Prompt
    parts that the log hides are in no hash, so two calls are equal only if their reported input is, too.
    An entry serves from the moment its answer was there until its ttl ends; failed calls are never stored.
    A hit is not sent: it costs nothing, and it warms no prompt cache. Turns inside an agent's loop take
    part.

    The risk is the share of hits whose logged answer differs from the one that they would get. At
    temperature 0 such a difference is the model's own noise, elsewhere one draw for another.

    ## What a replay measures
    Each sampled hit is sent to the model after all: the cached answer beside the true one, and, for the noise
    floor, two answers of the model to the same request. What counts is how much oftener the cached one
    differs. Which requests are equal, and what a hit saves, is arithmetic on the log.

    ## Sources
    https://docs.litellm.ai/docs/proxy/caching: an exact cache at a gateway keys on all request parameters
    (checked 2026-11-24).
    """

    ttl: Ttl = 3600.0
    """How long an answer serves after it was there. `none`: for ever."""
    scope: tuple[str, ...] = ("tenant", "agent")
    """Answers are shared only among calls that are equal in these. Tenant and agent always separate;
    add `user`, `session`, `task` or `metadata.x`."""
    capacity: Capacity | None = None
    """Entries that the cache holds at once. null: as many as there are."""
    eviction: EvictionName = "lru"
    """What leaves a full cache: `lru`, `lfu` or `fifo`."""
    refresh: bool = False
    """A hit starts the entry's ttl again."""
    only_temperature_zero: bool = False
    """Ask and store only calls of which the log says that they ran at temperature 0."""
    max_differing: Annotated[float, Field(ge=0, le=1)] = 0.02
    """The saving counts as verified where the upper bound of the share of differing answers lies at or below
    this, or all hits ran at temperature 0 and none could be compared. One in fifty is a choice: take what
    your agent can bear."""
    lookup_usd: Annotated[float, Field(ge=0, le=100)] = 0.0
    """What one look-up costs beside tokens. 0: a key-value store that runs anyway."""
    match: Patterns = ()
    """Only calls of these agents or tasks: `{agent: [extractor]}`. Empty: all."""

    partition: ClassVar[Partition] = Partition.WHOLE
    needs: ClassVar[tuple[str, ...]] = ()
    touches: ClassVar[frozenset[Column]] = frozenset({Column.SENT})
    SEARCH: ClassVar[Mapping[str, tuple[Any, ...]]] = {"ttl": (300.0, 3600.0, 86_400.0)}
    NEUTRAL: ClassVar[Mapping[str, Any]] = {"ttl": 0.0}
    LIMIT: ClassVar[str] = "max_differing"
    UNSENT: ClassVar[tuple[str, ...]] = ("max_differing", "lookup_usd")

    def apply(self, view: View, prices: PriceBook, artifacts: Artifacts) -> Effect:
        """Repeats are not sent."""
        if microseconds(self.ttl) <= 0:
            return Effect()
        calls, timeless = asking(view, prices, artifacts, self.match, self.ttl)
        if self.only_temperature_zero:
            calls = calls & (view.trace.temperature == 0)
        keys = exact_keys(view, artifacts, self.scope, calls)
        asked = arrivals(view, keys)
        pairs = Pairs.of(asked, replay(asked, Graph.of_equals(keys.n), self.rules))
        compared = answers_for(view, artifacts, np.union1d(pairs.hit, pairs.source)).compare(
            pairs.source, pairs.hit
        )
        tally = _tally(view, keys, pairs, int(timeless.sum())) | compared.tally() | {
            "compared": int(compared.known.sum()), "differing": int(compared.false.sum()),
            "differing_in_session": int((compared.false & _in_session(view, pairs)).sum()),
            "unjudged": int((~compared.known & ~(view.trace.temperature[pairs.hit] == 0)).sum()),
        }  # fmt: skip
        n = view.trace.n
        differs = pairs.hit[compared.verdict != Verdict.SAME]
        return Effect(
            not_sent(view, pairs.hit), rows_where(n, pairs.hit), rows_where(n, differs),
            fees=self._fees(keys.rows), tally=tally,
            detail={"differing_ci95": false_ci95(pairs, compared)},
            served_from=sources_of(n, pairs),
        )  # fmt: skip

    def report(self, tally: Mapping[str, int], detail: Mapping[str, Any]) -> LayerReport:
        """Hits, and the share whose logged answers differ."""
        hits, asked = tally.get("hits", 0), tally.get("eligible_calls", 0)
        compared, differing = tally.get("compared", 0), tally.get("differing", 0)
        rate, ci95 = ratio(differing, compared), detail.get("differing_ci95")
        measured = tally.get("unjudged", 0) <= MOST_UNJUDGED * hits
        basis = basis_words(tally) or _without_pairs(hits, measured)
        evidence = {
            "eligible_calls": asked, "hits": hits, "hit_rate": ratio(hits, asked),
            "differing_hits": differing, "differing_rate": rate, "differing_ci95": ci95,
            "differing_basis": basis, "hits_inside_a_session": tally.get("hits_in_session", 0),
            "differing_inside_a_session": tally.get("differing_in_session", 0),
            "calls_without_time": tally.get("calls_without_time", 0),
            "calls_without_text": tally.get("calls_without_text", 0),
        }  # fmt: skip
        risk = Risk(
            "differing_answer_rate", rate if compared else (0.0 if measured else None), ci95, basis
        )
        within = not compared or (ci95 is not None and ci95[1] <= self.max_differing)
        return LayerReport(
            evidence, risk, measured and within, "from_log", (_OPEN_LOOP, *gaps(tally)),
            replay="whether the model still gives the cached answers: hits judged by asking it for the "
            "true one",
            notes=self._notes(tally),
        )  # fmt: skip

    def ranges(self) -> Mapping[str, tuple[Any, Any]]:
        """No setting stands for an unmeasured ratio."""
        return {}

    @property
    def rules(self) -> Rules:
        """Of the replay."""
        capacity = NEVER if self.capacity is None else self.capacity
        return Rules(PPM, microseconds(self.ttl), capacity, self.eviction, self.refresh)

    def _fees(self, rows: Int) -> tuple[Fee, ...]:
        each = round(self.lookup_usd * PICO_PER_USD)
        if not each or not len(rows):
            return ()
        return (Fee("cache look-ups", rows, np.full(len(rows), each), "lookup_usd of the policy"),)

    def _notes(self, tally: Mapping[str, int]) -> tuple[str, ...]:
        hits = tally.get("hits", 0)
        if not tally.get("eligible_calls"):
            return (why_none(tally),)
        if not hits:
            return (f"No request repeats an earlier one within its ttl ({self._ttl_words}).",)
        again = tally.get("differing_in_session", 0)
        if again * 10 > hits:
            return (
                f"{again} of {hits} hits repeat a request of their own session that was answered "
                "otherwise the second time: a retry would get the old answer again.",
            )
        return ()

    @property
    def _ttl_words(self) -> str:
        return "none" if isinstance(self.ttl, str) else f"{self.ttl:g} s"


_OPEN_LOOP = (
    "The logged contexts are kept: where a cached answer differs from the logged one, later steps of "
    "the session still go on from the logged one."
)


def _without_pairs(hits: int, measured: bool) -> str:
    """What the risk rests on where no two answers could be compared."""
    if not hits:
        return "no hit"
    return "temperature 0, by rule" if measured else "unverified"


def _in_session(view: View, pairs: Pairs) -> NDArray[np.bool_]:  # [hit]
    session = view.trace.session
    return np.asarray(session[pairs.hit] == session[pairs.source])


def _tally(view: View, keys: Keys, pairs: Pairs, timeless: int) -> dict[str, int]:
    return {
        "eligible_calls": len(keys.rows),
        "hits": len(pairs.hit),
        "hits_in_session": int(_in_session(view, pairs).sum()),
        "calls_without_time": timeless,
        "calls_without_text": without_content(view),
        "calls_without_latency": int(np.isnan(view.trace.latency_ms[keys.rows]).sum()),
    }
