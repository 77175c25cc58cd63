"""The layer `memory`; its page is the docstring of the class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field

from costopt.layers.base import Artifacts, ArtifactSpec, Partition
from costopt.layers.parts.cuts import by_turns
from costopt.layers.parts.reach_back import OPEN_LOOP, reach_back
from costopt.layers.parts.reached import reach_rate, reach_risk, reach_tally, within
from costopt.layers.parts.requests import inserted, kept
from costopt.layers.parts.retrieval import (
    Store,
    Stored,
    asking_uses,
    before_last_message,
    by_user,
    recalled,
    storable_uses,
    stored,
)
from costopt.layers.parts.sizes import Sizes
from costopt.layers.parts.turns import blind_notes, editable, turns_of, without_blocks
from costopt.layers.profiles.memory_profile import known, memory_profile, profiled
from costopt.layers.settings import Patterns, matching
from costopt.model.effect import Charge, Effect, Fee, LayerReport
from costopt.model.leaf import N_LEAVES, Leaf
from costopt.model.view import Column, View
from costopt.prices.contract import PriceBook

Int = NDArray[np.int64]
Ids = NDArray[np.int32]
Bool = NDArray[np.bool_]

_PUSD_PER_USD_A_MILLION = 1_000_000


@dataclass(frozen=True)
class Memory:
    """Let old turns leave the context for a vector store, and bring the nearest ones back.

    ## Where the money goes
    A history is paid for again with every call, though a call rarely needs more of it than a few
    passages. A memory sends the last turns and the passages that look like what is asked now.

    ## What can go wrong
    The store gives back what is *alike*, not what is needed: `missed_reach_back_rate` is the share of
    edited calls whose logged answer uses something that stands only in what left the context and did
    not come back. And as with a window, the provider's cache loses the history that it had read.

    ## How it is simulated
    Turns (see `window`) older than `working_turns` leave the requests. Their messages are embedded once,
    when they leave; each edited call then asks with its last messages, and the `top_k` nearest messages
    come back, whole, as text in front of the user's last message (in an agent's loop: of the last turn;
    never between a tool call and its result). There they are behind all that stays the same, and what
    they push back is read anew at the next call; a provider that caches up to marks (Anthropic) then
    finds none of its marks on the history unless they are moved in front of it. Embeddings,
    the store's writes and queries, and the tokens that come back are charged. Messages without text in
    the log cannot be stored; calls whose last message has none are left alone.

    ## What a replay measures
    Remembered prompts, with what the store gives back in them, are sent beside the originals: answers
    compared beside the noise floor, input tokens and the length of the answers measured. The prices of
    embeddings and of the store are settings, and what an agent does after it has forgotten a turn is not
    measured.

    ## Sources
    Prices of a hosted store: $16 for a million read units, $4 for a million write units
    (https://www.pinecone.io/pricing/ by way of https://docs.flexprice.io/cookbooks/pricing-teardowns/
    pinecone-pricing, checked 2026-11-24); a query of a small namespace is taken as one unit, a message
    as one. Set them to 0 for a store of your own. Zep: see
    `costopt/layers/profiles/zep.py`.
    """

    profile: Annotated[str, AfterValidator(known)] = ""
    """A product to mirror (`zep`): settings left at their defaults take its own."""
    working_turns: Annotated[int, Field(ge=1)] = 6
    """Turns that are always sent, beside system prompt, tools and task."""
    slide_every: Annotated[int, Field(ge=1)] = 1
    """Turns that leave at a time; more keep the cached beginning the same in between."""
    top_k: Annotated[int, Field(ge=0)] = 4
    """Stored messages that come back with each call."""
    min_similarity: Annotated[float, Field(ge=-1, le=1)] = 0.0
    """Cosine below which nothing comes back."""
    query_messages: Annotated[int, Field(ge=1)] = 1
    """Last messages (of the user or a tool) that are asked with."""
    embedder: str = "auto"
    """What finds the nearest: as in `semantic_cache`. `auto` is the built-in one, without download."""
    embedding_model: str | None = "text-embedding-3-small"
    """Whose price is charged for embeddings. null: your own machine, free."""
    embedding_provider: str = "openai"
    """Whose price is charged for it."""
    usd_per_million_queries: Annotated[float, Field(ge=0)] = 16.0
    """What the store charges for questions."""
    usd_per_million_writes: Annotated[float, Field(ge=0)] = 4.0
    """What the store charges for messages put in."""
    across_sessions: bool = False
    """Also ask what earlier sessions of the same user stored; then every message is stored."""
    max_reach_back: Annotated[float, Field(ge=0, le=1)] = 0.02
    """The saving counts as verified where the upper bound of the missed rate lies below this."""
    match: Patterns = ()
    """Only calls of these agents or tasks: `{agent: [planner]}`. Empty: all."""

    partition: ClassVar[Partition] = Partition.WHOLE
    needs: ClassVar[tuple[str, ...]] = ("segment_vectors",)
    touches: ClassVar[frozenset[Column]] = frozenset({Column.REQUEST})
    SEARCH: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "working_turns": (4, 6, 8, 12, 16), "slide_every": (1, 4, 8), "top_k": (2, 4, 8),
    }  # fmt: skip
    NEUTRAL: ClassVar[Mapping[str, Any]] = {"working_turns": 1_000_000_000}
    LIMIT: ClassVar[str] = "max_reach_back"
    UNSENT: ClassVar[tuple[str, ...]] = (
        "profile", "max_reach_back", "embedding_model", "embedding_provider",
        "usd_per_million_queries", "usd_per_million_writes",
    )  # fmt: skip

    def apply(self, view: View, prices: PriceBook, artifacts: Artifacts) -> Effect:
        """Requests with their last turns and what the store gives back."""
        return profiled(self, self.profile)._applied(view, prices, artifacts)

    def report(self, tally: Mapping[str, int], detail: Mapping[str, Any]) -> LayerReport:
        """Reach-back that retrieval missed, beside what a plain window would have missed."""
        used = profiled(self, self.profile)
        risk = replace(reach_risk(tally), metric="missed_reach_back_rate")
        n = tally.get("reach_n", 0)
        evidence = {
            "tokens_removed": tally.get("tokens_dropped", 0) - tally.get("recalled_tokens", 0),
            "reach_back_rate": reach_rate(tally) if tally.get("affected_calls") else 0.0,
            "reach_back_rate_without_retrieval": tally.get("reach_without", 0) / n if n else None,
            "affected_calls": tally.get("affected_calls", 0),
            "calls_without_text": tally.get("calls_without_text", 0),
            "stored_messages": tally.get("stored", 0), "recalled_messages": tally.get("recalled", 0),
            "embedder": used.embedder,
        }  # fmt: skip
        verified = within(tally, used.max_reach_back) and not (
            used._unpriced and tally.get("stored")
        )
        return LayerReport(
            evidence, risk, verified, "from_log", used._assumptions(),
            replay="whether answers over the remembered prompts, sent beside the originals, are still the "
            "same, and their tokens",
            settings={} if used == self else _changed(self, used), notes=used._notes(tally),
        )  # fmt: skip

    def ranges(self) -> Mapping[str, tuple[Any, Any]]:
        """None: lengths are the log's own, prices are settings."""
        return {}

    def _applied(self, view: View, prices: PriceBook, artifacts: Artifacts) -> Effect:
        rows = matching(view, self.match, artifacts) & editable(view, prices)
        block, turns = view.request, turns_of(view)
        asks = asking_uses(view, self.query_messages)
        asks_any = np.zeros(view.trace.n, np.bool_)
        asks_any[block.call_of_use()[asks]] = True
        dropped = by_turns(turns.count, self.working_turns, self.slide_every)
        touched = rows & (dropped > 0) & asks_any
        if not touched.any():
            unseen = int((rows & (dropped > 0)).sum())
            lost = {"calls_without_text": unseen} if unseen else {}
            return Effect(tally=lost | without_blocks(view))
        gone = (turns.number > 0) & (turns.number <= np.repeat(dropped, block.lengths))
        gone &= np.repeat(touched, block.lengths)
        memory, put = self._store(
            view, artifacts, rows, gone, asks & np.repeat(touched, block.lengths)
        )
        without = kept(view, ~gone)
        call, segment = self._recalled(view, memory, touched, asks, gone & storable_uses(view))
        short = view.edited(request=without)
        places = before_last_message(short, turns_of(short))
        after = inserted(short, call, places[call], segment)
        looked = reach_back(view, after, np.flatnonzero(touched), artifacts)
        plain = reach_back(view, without, np.flatnonzero(touched), artifacts)
        sizes, tokens = Sizes(view, turns, artifacts), artifacts.tokens(view)
        back = _counted(tokens, view, call, segment)
        tally = reach_tally(view, int(touched.sum()), looked) | without_blocks(view) | {
            "reach_without": int(plain.reached.sum()), "stored": len(put.segment),
            "recalled": len(segment), "tokens_dropped": sizes.removed(~gone),
            "recalled_tokens": sizes.billed(call, back),
        }  # fmt: skip
        return Effect(
            {Column.REQUEST: after}, touched, touched & (looked.reached | ~looked.seen),
            self._charges(view, artifacts, put, touched, asks), self._fees(put, touched), tally,
        )  # fmt: skip

    def _store(
        self, view: View, artifacts: Artifacts, rows: Bool, gone: Bool, asks: Bool
    ) -> tuple[Store, Stored]:
        """(the memory, what was put into it)."""
        into = gone
        if self.across_sessions:
            into = np.repeat(rows, view.request.lengths)
        put = stored(view, np.flatnonzero(into & storable_uses(view)))
        known = np.unique(np.concatenate((put.segment, view.request.ids[asks]))).astype(np.int32)
        setting = (("embedder", self.embedder), ("segments", known.tobytes()))
        vectors = artifacts.build(ArtifactSpec("segment_vectors", setting), view)
        user = _users(view, artifacts)
        others = by_user(put, user) if self.across_sessions else {}
        session = view.trace.session.astype(np.int64)
        return Store(known, vectors, others, user, session), put

    def _recalled(
        self, view: View, memory: Store, touched: Bool, asks: Bool, gone: Bool
    ) -> tuple[Int, Ids]:
        """([recalled] call, [recalled] segment)."""
        rows = np.flatnonzero(touched)
        found = list(recalled(view, memory, rows, asks, gone, self.top_k, self.min_similarity))
        calls = [np.full(len(segments), call, np.int64) for call, segments in found]
        return np.concatenate(calls), np.concatenate([s for _, s in found])

    def _charges(
        self, view: View, artifacts: Artifacts, put: Stored, touched: Bool, asks: Bool
    ) -> tuple[Charge, ...]:
        if self.embedding_model is None:
            return ()
        tokens = artifacts.tokens(view)
        use = np.flatnonzero(asks & np.repeat(touched, view.request.lengths))
        asking = view.request.call_of_use()[use]
        parts = (("stored messages", put.call, put.segment),
                 ("questions to the memory", asking, view.request.ids[use]))  # fmt: skip
        out = []
        for what, call, segment in parts:
            count = tokens.count(segment, self.embedding_model)
            rows, where = np.unique(call, return_inverse=True)
            leaves = np.zeros((len(rows), N_LEAVES), np.int64)
            np.add.at(leaves[:, Leaf.INPUT_FRESH], where.reshape(-1), count)
            name = f"embeddings of {what}"
            out.append(Charge(name, self.embedding_provider, self.embedding_model, rows, leaves))
        return tuple(out)

    def _fees(self, put: Stored, touched: Bool) -> tuple[Fee, ...]:
        asked = np.flatnonzero(touched)
        parts = (("writes to the vector store", put.call, self.usd_per_million_writes, "writes"),
                 ("queries of the vector store", asked, self.usd_per_million_queries, "queries"))  # fmt: skip
        return tuple(
            Fee(what, rows, np.full(len(rows), round(usd * _PUSD_PER_USD_A_MILLION), np.int64),
                f"memory.usd_per_million_{name}")
            for what, rows, usd, name in parts
            if usd and len(rows)
        )  # fmt: skip

    @property
    def _unpriced(self) -> str:
        """The setting without which the product's own price is not in the figures; empty: none."""
        profile = memory_profile(self.profile) if self.profile else None
        return profile.unpriced if profile and not getattr(self, profile.unpriced) else ""

    def _assumptions(self) -> tuple[str, ...]:
        out = [
            OPEN_LOOP,
            "Messages come back whole; the store has them as soon as they leave the context.",
        ]
        profile = memory_profile(self.profile) if self.profile else None
        if profile is not None:
            out += profile.differs
        if self._unpriced:
            out.append(
                f"The price of {self.profile} itself is not known and not in these figures: set "
                f"{self._unpriced} to what your plan comes to."
            )
        if self.embedder in ("auto", "builtin"):
            out.append(
                "The built-in embedder finds what shares words; a neural one finds other wordings too."
            )
        return tuple(out)

    def _notes(self, tally: Mapping[str, int]) -> tuple[str, ...]:
        notes = blind_notes(tally)
        if tally.get("affected_calls"):
            return notes
        if tally.get("calls_without_text"):
            return (*notes, "The log has no text, so nothing can be stored or asked for.")
        return (
            *notes,
            f"No request holds more than {self.working_turns} turns: nothing leaves the context.",
        )


def _users(view: View, artifacts: Artifacts) -> Int:  # [call]
    """Codes of named users, 0: none. Two tenants' users of one name are two."""
    user, tenant = (artifacts.column(view, part) for part in ("user", "tenant"))
    code = tenant.codes.astype(np.int64) * len(user.values) + user.codes
    return np.where(user.codes > 0, code, 0)


def _counted(tokens: Any, view: View, call: Int, segment: Ids) -> Int:  # [recalled]
    """Tokens of the segments that come back, under their call's model."""
    out = np.zeros(len(segment), np.int64)
    for code in np.unique(view.model.codes[call]).tolist():
        here = view.model.codes[call] == code
        out[here] = tokens.count(segment[here], view.model.values[code])
    return out


def _changed(before: Memory, after: Memory) -> dict[str, Any]:
    """Settings that the profile chose."""
    return {k: v for k, v in vars(after).items() if v != vars(before)[k]}
