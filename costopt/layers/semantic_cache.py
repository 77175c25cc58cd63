"""The layer `semantic_cache`: a request that means what an earlier one meant gets its answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field

from costopt.errors import UsageError
from costopt.layers.base import Artifacts, Partition
from costopt.layers.parts.answers import Verdict
from costopt.layers.parts.cacheable import (
    Capacity,
    EvictionName,
    Pairs,
    Ttl,
    asking,
    false_ci95,
    gaps,
    microseconds,
    not_sent,
    rows_where,
    sources_of,
    without_content,
)
from costopt.layers.parts.embedding_costs import Costs
from costopt.layers.parts.graph import NEVER, PPM, Rules, ppm
from costopt.layers.parts.keys import KeyText
from costopt.layers.parts.look_ups import Replays
from costopt.layers.parts.semantic_run import (
    TARGET_HIT_RATE,
    Asked,
    advice,
    chosen,
    curve,
    repeats_of,
    replays_of,
    tally_of,
)
from costopt.layers.parts.semantic_words import OPEN_LOOP, evidence, judging, notes, quirks
from costopt.layers.parts.turns import first_turns
from costopt.layers.profiles.cache_profile import CacheProfile, cache_profile, cache_profiles
from costopt.layers.settings import Patterns
from costopt.model.effect import Effect, LayerReport, Risk
from costopt.model.view import Column, View
from costopt.prices.contract import PriceBook

Int = NDArray[np.int64]

DEFAULT_THRESHOLD, DEFAULT_TTL = 0.95, 3600.0
MOST_UNJUDGED = 0.05
"""The risk counts as measured where at most one hit in twenty lacks an answer to compare."""
_FLOOR_STEP = 0.1
"""A threshold below `floor` builds another graph; neighbouring ones share it."""


def _known_profile(name: str) -> str:
    if name and name not in cache_profiles():
        raise ValueError(f"`{name}` is no profile: {', '.join(cache_profiles())}")
    return name


@dataclass(frozen=True)
class SemanticCache:
    """Answer a request from a cache if an earlier one was similar enough.

    ## Where the money goes
    Many people ask the same thing in other words: classification, extraction, a help desk. Each request is
    embedded, the nearest stored one is looked up, and its answer is given if the similarity reaches the
    threshold.

    ## What can go wrong
    The nearest request may have had another answer: a **false hit**. One number, name or `not` changes the
    answer and hardly the similarity. Inside an agent's loop consecutive requests share almost all their
    text, so any practical threshold replays the previous turn: such turns are not eligible here unless
    `agent_turns` asks for them.

    ## How it is simulated
    Both answers of every would-be hit are in the log. Calls arrive in order; each looks for the most similar
    entry that is alive in its scope. Tenant, agent, model, system prompt, tools, attachments and the form
    that the answer must have (a schema, a tool) always separate. A miss is sent, and its answer is stored
    when it is there. All pairs of keys above `floor` are found once, exactly; every threshold, ttl, capacity
    and eviction is then replayed over them (a greedy cache is not monotone in its threshold). Embeddings of
    all look-ups and the store's operations are charged.

    A hit is false by the strictest test that fits the answer: same tool and arguments, JSON-equal, same
    number, same label, else equal text; of free text that is an upper bound (`not_identical`). How often the
    log itself answers a byte-equal request otherwise is `self_disagreement`: no cache does better. A `judge`,
    an embedder other than the cache's own, gives free text a second figure, `judged_different`.

    `threshold: auto` ranks thresholds on the first fifth of the look-ups, tests them on the next three from
    the strictest down, and reports on the last: hits of one entry count as one cluster. If no threshold
    can be shown to keep `max_false_hit_rate`, the layer does nothing and says how many hits it would take.

    ## What a replay measures
    Hits judged by asking the model for the true answer: the cached answer beside the one that the model gives
    to the request itself, and two answers to the same request for the noise floor. Hits, embeddings and
    the store's operations are arithmetic on the log. Measured at one threshold, it says nothing of another.

    ## Sources
    https://docs.litellm.ai/docs/proxy/caching_semantic: semantic caches replay stale answers on agent turns;
    https://github.com/redis/redis-vl-python, https://github.com/zilliztech/GPTCache and
    https://github.com/pgvector/pgvector: what the profiles preset (all checked 2026-11-24).
    """

    threshold: Annotated[float, Field(ge=0)] | Literal["auto"] | None = None
    """Lowest cosine similarity of a hit. `auto`: the loosest that keeps `max_false_hit_rate`. null: the
    profile's, else 0.95. Above 1 the cache is off."""
    max_false_hit_rate: Annotated[float, Field(ge=0, le=1)] = 0.01
    """Share of hits that may have another answer. The saving is verified where the measured one keeps it."""
    ttl: Ttl | None = None
    """How long an answer serves after it was there. `none`: for ever. null: the profile's, else 1h."""
    scope: tuple[str, ...] = ("tenant", "agent")
    """Answers are shared only among calls that are equal in these. Tenant, agent, model, system prompt and
    tools always separate; add `user`, `task`, `session` or `metadata.x`."""
    embedder: str = "auto"
    """`auto` (the built-in one), `builtin`, `sentence-transformers:NAME_OR_FOLDER`,
    `openai:MODEL@BASE_URL` (key: COSTOPT_EMBED_API_KEY), `column:FILE.parquet/COLUMN`."""
    key: KeyText | None = None
    """What is embedded: `last_user` (the last user message), `first_turn` (all user messages before the
    first answer), `all` (every message, system prompt included). null: the profile's, else first_turn,
    or all with `agent_turns`."""
    judge: str | None = None
    """Who says which free-text answers mean the same: `pairs:FILE.jsonl`, a random sample of pairs that were
    judged (`{"a": "call id", "b": "call id", "same": true}` a line), or another embedder, as `embedder` is
    written, never the cache's own. `threshold: auto` believes a sample alone. null: of free text all that
    is not identical counts as false."""
    judge_similarity: Annotated[float, Field(gt=0, le=1)] = 0.9
    """Similarity from which on the judge takes two answers for the same. Assumed: look at some pairs."""
    agent_turns: bool = False
    """Ask on turns inside an agent's loop or a conversation, too."""
    profile: Annotated[str, AfterValidator(_known_profile)] = ""
    """Defaults and quirks of what is deployed: redisvl, pgvector, gptcache, litellm."""
    capacity: Capacity | Literal["none"] | None = None
    """Entries that the cache holds at once. `none`: as many as there are. null: the profile's, else none."""
    eviction: EvictionName | None = None
    """What leaves a full cache: `lru`, `lfu`, `fifo`. null: the profile's, else lru."""
    refresh: bool | None = None
    """A hit starts the entry's ttl again. null: the profile's, else no."""
    floor: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Pairs below it are not looked for; thresholds down to it share one neighbour graph."""
    embedding_model: str | None = None
    """Whose price is charged for embeddings. null: the embedder's own model, else the profile's, else
    text-embedding-3-small, as what a hosted embedder would cost."""
    embedding_provider: str = "openai"
    """Whose price list has it."""
    embedding_usd_per_mtok: Annotated[float, Field(ge=0)] | None = None
    """Price of a million embedded tokens on your own machine. null: the list price of `embedding_model`."""
    store_usd_per_operation: Annotated[float, Field(ge=0)] = 0.000004
    """A query or a write of the vector store. $0.40 per 100,000 operations:
    https://upstash.com/docs/vector/help/faq, checked 2026-11-24. 0: a store that runs anyway."""
    match: Patterns = ()
    """Only calls of these agents or tasks: `{agent: [extractor]}`. Empty: all."""

    partition: ClassVar[Partition] = Partition.WHOLE
    needs: ClassVar[tuple[str, ...]] = ("look_ups", "neighbours", "embeddings", "embedder")
    touches: ClassVar[frozenset[Column]] = frozenset({Column.SENT})
    SEARCH: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "threshold": ("auto", 0.99, 0.97, 0.95, 0.92, 0.88), "ttl": (3600.0, 86_400.0),
    }  # fmt: skip
    NEUTRAL: ClassVar[Mapping[str, Any]] = {"threshold": 1.01}
    LIMIT: ClassVar[str] = "max_false_hit_rate"
    UNSENT: ClassVar[tuple[str, ...]] = (
        "max_false_hit_rate", "judge", "judge_similarity", "embedding_model", "embedding_provider",
        "embedding_usd_per_mtok", "store_usd_per_operation",
    )  # fmt: skip

    def apply(self, view: View, prices: PriceBook, artifacts: Artifacts) -> Effect:
        """Similar requests are not sent; every look-up is embedded and paid for."""
        rules = self.rules
        if self._is_off:
            return Effect()
        calls, timeless = asking(view, prices, artifacts, self.match, self._ttl)
        loops = calls & ~first_turns(view)
        calls = calls if self.agent_turns else calls & ~loops
        replays = replays_of(view, artifacts, self._asked(self.scope), calls)
        rows = replays.look_ups.keys.rows
        left_out = {
            "agent_turns": 0 if self.agent_turns else int(loops.sum()),
            "calls_without_time": int(timeless.sum()),
            "calls_without_text": without_content(view) + int(calls.sum()) - len(rows),
            "calls_without_latency": int(np.isnan(view.trace.latency_ms[rows]).sum()),
            "eligible_calls": len(rows),
        }
        if not len(rows):
            return Effect(tally=left_out)
        graph = replays.graph
        detail: dict[str, Any] = {
            "judge": replays.judge.name if replays.judge else None,
            "embedder": graph.embedder, "floor": graph.floor_ppm / PPM, "threshold": None,
        }  # fmt: skip
        found, choice = chosen(replays, self._threshold, rules, self.max_false_hit_rate)
        if choice is not None:
            detail["choice"] = choice.evidence()
        if found is not None and found.threshold_ppm < graph.floor_ppm:
            detail["below_floor"], found = True, None
        left_out |= repeats_of(replays)
        if found is None:
            return Effect(tally=left_out, detail=detail | {"curve": curve(replays, rules)})
        return self._effect(view, artifacts, replays, found, calls, left_out, detail)

    def report(self, tally: Mapping[str, int], detail: Mapping[str, Any]) -> LayerReport:
        """Hits and false hits; verified where the bound is kept."""
        shown = evidence(tally, detail, self.max_false_hit_rate)
        hits, compared = tally.get("hits", 0), tally.get("compared_hits", 0)
        measured = hits - compared <= MOST_UNJUDGED * hits
        proven = _proven(detail.get("choice"))
        ci95 = detail.get("false_hit_ci95")
        keeps = proven or not hits or (ci95 is not None and ci95[1] <= self.max_false_hit_rate)
        value = shown["false_hit_rate"] if hits else 0.0
        basis = shown["false_basis"] or ("no hit" if not hits else "unverified")
        settings = {} if detail.get("threshold") is None else {"threshold": detail["threshold"]}
        return LayerReport(
            shown, Risk("false_hit_rate", value, ci95, basis), measured and keeps, "from_log",
            (
                OPEN_LOOP, *self._costs.assumptions,
                *judging(self.judge, self.judge_similarity), *gaps(tally),
            ),
            replay="whether a hit is the true answer: hits judged by asking the model for it",
            settings=settings,
            notes=(*notes(tally, detail, self.max_false_hit_rate), *quirks(self._preset, self._threshold)),
        )  # fmt: skip

    def ranges(self) -> Mapping[str, tuple[Any, Any]]:
        """No setting stands for an unmeasured ratio."""
        return {}

    @property
    def rules(self) -> Rules:
        """Of the replay, without the threshold."""
        capacity = _first(self.capacity, self._preset and self._preset.capacity, "none")
        return Rules(
            PPM, microseconds(self._ttl), NEVER if capacity == "none" else capacity,
            _first(self.eviction, self._preset and self._preset.eviction, "lru"),
            _first(self.refresh, self._preset and self._preset.refresh, False),
        )  # fmt: skip

    def _effect(
        self, view: View, artifacts: Artifacts, replays: Replays, rules: Rules,
        calls: NDArray[np.bool_], left_out: dict[str, int], detail: dict[str, Any],
    ) -> Effect:  # fmt: skip
        judged = replays.judged(rules)
        pairs = Pairs.at(replays.look_ups.arrivals, judged.hit, judged.source)
        rows, n = replays.look_ups.keys.rows, view.trace.n
        points = curve(replays, rules)
        detail |= {
            "threshold": rules.threshold_ppm / PPM, "curve": points,
            "false_hit_ci95": false_ci95(pairs, judged.compared),
        }  # fmt: skip
        if judged.hits <= TARGET_HIT_RATE * len(rows):
            wider = None
            if set(self.scope) - {"tenant", "agent"}:
                wider = replays_of(view, artifacts, self._asked(()), calls)
            detail["advice"] = advice(replays, rules, points, self.max_false_hit_rate, wider)
        missed = np.setdiff1d(rows, pairs.hit)
        charges, fees = self._costs.of(view, artifacts, replays.look_ups.keys, missed)
        return Effect(
            not_sent(view, pairs.hit), rows_where(n, pairs.hit),
            rows_where(n, pairs.hit[judged.plain.verdict != Verdict.SAME]), charges, fees,
            left_out | tally_of(replays, judged, rules), detail, sources_of(n, pairs),
        )  # fmt: skip

    def _asked(self, scope: tuple[str, ...]) -> Asked:
        floor = self.floor
        if self._threshold != "auto" and self._threshold < floor:
            floor = max(0.0, np.floor(self._threshold / _FLOOR_STEP) * _FLOOR_STEP)
        usual = "all" if self.agent_turns else "first_turn"
        key = _first(self.key, self._preset and self._preset.key, usual)
        return Asked(
            scope, key, self.embedder, ppm(float(floor)), self._other_judge, self.judge_similarity
        )

    @property
    def _other_judge(self) -> str | None:
        """UsageError: the cache's own embedder would judge its own hits."""
        if self.judge is not None and _builtin(self.judge) == _builtin(self.embedder):
            raise UsageError(
                "The cache's own embedder cannot judge its hits: it took them for alike.",
                where="semantic_cache.judge", hint="Name another embedder, or leave judge out.",
            )  # fmt: skip
        return self.judge

    @property
    def _preset(self) -> CacheProfile | None:
        return cache_profile(self.profile) if self.profile else None

    @property
    def _threshold(self) -> float | Literal["auto"]:
        return _first(self.threshold, self._preset and self._preset.threshold, DEFAULT_THRESHOLD)

    @property
    def _ttl(self) -> Ttl:
        preset = self._preset
        usual: Ttl = (
            DEFAULT_TTL if preset is None else ("none" if preset.ttl is None else preset.ttl)
        )
        return usual if self.ttl is None else self.ttl

    @property
    def _is_off(self) -> bool:
        above = self._threshold != "auto" and self._threshold > 1
        return above or microseconds(self._ttl) <= 0

    @property
    def _costs(self) -> Costs:
        preset = self._preset
        return Costs.of_settings(
            self.embedder, self.embedding_model or (preset.embedding_model if preset else ""),
            self.embedding_provider, self.embedding_usd_per_mtok, self.store_usd_per_operation,
            2 if preset is not None and preset.embeds_to_store else 1,
        )  # fmt: skip


def _proven(choice: Mapping[str, Any] | None) -> bool:
    """A threshold was tested, and the calls after the test do not speak against it."""
    if choice is None or choice["threshold"] is None:
        return False
    held = choice["held_out"]
    return held is None or not held["drifted"]


def _builtin(embedder: str) -> str:
    return "builtin" if embedder == "auto" else embedder


def _first(*values: Any) -> Any:
    """The first that is set."""
    return next(v for v in values if v is not None)
