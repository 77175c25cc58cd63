"""The layer `trim_tools`; its page is the docstring of the class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from costopt.layers.base import Artifacts, Partition
from costopt.layers.parts.reach_back import reach_back
from costopt.layers.parts.reached import reach_rate, reach_risk, reach_tally, within
from costopt.layers.parts.requests import counted, removed_tokens, replaced
from costopt.layers.parts.turns import editable, turns_of
from costopt.layers.settings import Patterns, matching
from costopt.model.call import SegmentKind
from costopt.model.effect import Charge, Effect, LayerReport
from costopt.model.leaf import N_LEAVES, Leaf
from costopt.model.view import Column, View
from costopt.prices.contract import PriceBook

Int = NDArray[np.int64]
Bool = NDArray[np.bool_]
UNLIMITED = 1_000_000_000
_SAME_STEPS = "The agent takes the same steps with the short results."
BYTES_PER_TOKEN = 4
"""Of English and code, roughly: only to say that there are long user messages."""


@dataclass(frozen=True)
class TrimTools:
    """Cut a long tool result once, where it enters the context.

    ## Where the money goes
    A search result of 9,000 tokens is paid for when it arrives and again with every later call of its
    session; most of it is never used again.

    ## What can go wrong
    A later answer may need what was cut. `reach_back_rate` is the share of touched calls whose logged
    answer has an identifier, number, path or quote that stands only in what was cut. It counts too much
    where the model knew the word anyway, too little where an answer used what it had read in other words;
    and a cut result may make the agent ask again, which no log shows.

    ## How it is simulated
    Every tool result above `max_tokens` is replaced by one of `max_tokens`, in the first call of the
    session that carries it and in every later one, so that the beginning of the requests stays the same
    and no cached prefix is lost. Tokens are counted by the model of that first call: where the session
    goes on with another model, the cut stays where it was. `head_tail` keeps the beginning and the end,
    `head` the beginning, and `extract` has a cheap model read the whole result once and write down what
    matters: its tokens are charged, and as nobody knows what it keeps, it counts as keeping nothing: its
    reach-back is an upper bound. The marker that stands in place of the cut is part of `max_tokens`.
    Calls that failed or have no price, and requests of which the log shows no blocks, stay as they are.

    ## What a replay measures
    Trimmed prompts are sent beside the originals: does the model call the same tools with the same arguments,
    or say the same, as often as it agrees with itself? Further the input tokens of the cut requests (a text
    is cut by characters, so its tokens are estimated) and how much longer the answers are. Not whether the
    agent asks again later: a replay sends single calls.

    ## Sources
    Item 5 of the usual list of advice. Agents do it themselves: mini-swe-agent sends the first and the
    last 5,000 characters of an observation of more than 10,000
    (https://mini-swe-agent.com/latest/advanced/yaml_configuration/, checked 2026-11-24).
    """

    max_tokens: Annotated[int, Field(ge=0)] = 200
    """Longest tool result left alone, and the length of a longer one, in tokens of the call's model."""
    keep: Literal["head_tail", "head", "extract"] = "head_tail"
    """What stays: beginning and end, the beginning, or what a cheap model extracts (charged)."""
    head_share: Annotated[float, Field(ge=0, le=1)] = 0.5
    """With `head_tail`: the part of the kept tokens that comes from the beginning, 0 to 1."""
    match: Patterns = ()
    """Calls in which it works, `{agent: [planner]}`; empty: all."""
    tools: tuple[str, ...] = ()
    """Names of tools whose results are cut, with * and ?; empty: all."""
    user_messages: bool = False
    """Agents without tool calls send results as user messages: take those behind an answer for results,
    too. Not for chats, where a person writes them."""
    protect: tuple[str, ...] = ()
    """Names of tools whose results are never cut, with * and ?."""
    overhead_tokens: Annotated[int, Field(ge=0)] = 10
    """Length of the marker that says that something was left out."""
    model: str = "gpt-4.1-nano"
    """With `extract`: the model that reads the whole result."""
    prompt_tokens: Annotated[int, Field(ge=0)] = 150
    """With `extract`: its instructions, read again for every result: assumed."""
    max_reach_back: Annotated[float, Field(ge=0, le=1)] = 0.02
    """The saving counts as verified where the upper bound of the reach-back rate lies below this.
    One answer in fifty is a choice, not a measurement: take what your agent can bear."""

    partition: ClassVar[Partition] = Partition.SESSION
    needs: ClassVar[tuple[str, ...]] = ()
    touches: ClassVar[frozenset[Column]] = frozenset({Column.REQUEST, Column.MADE})
    SEARCH: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "max_tokens": (200, 500, 1000, 2000, 4000, 8000)
    }
    NEUTRAL: ClassVar[Mapping[str, Any]] = {"max_tokens": UNLIMITED}
    LIMIT: ClassVar[str] = "max_reach_back"
    UNSENT: ClassVar[tuple[str, ...]] = ("max_reach_back",)
    REPLAYED: ClassVar[tuple[str, ...]] = (_SAME_STEPS,)

    def apply(self, view: View, prices: PriceBook, artifacts: Artifacts) -> Effect:
        """Long results by short ones, session by session."""
        uses = self._uses(view, prices, artifacts)
        if not len(uses):
            return Effect(tally=self._seen(view))
        call = np.searchsorted(view.request.offsets, uses, side="right") - 1
        results = _Results.of(view, uses, call, artifacts)
        long = results.tokens > max(self.max_tokens, self._kept() + self._marker())
        if not long.any():
            return Effect(tally=self._seen(view))
        made, short = self._made(view, results, long)
        ids = view.request.ids.copy()
        cut = long[results.of_use]
        ids[uses[cut]] = short[results.of_use[cut]]
        after = replaced(view, ids)
        touched = np.zeros(view.trace.n, np.bool_)
        touched[call[cut]] = True
        # Beginnings and ends still stand; of an extract the view knows no text.
        looked = reach_back(view.edited(made=made), after, np.flatnonzero(touched), artifacts)
        tally = {
            **self._seen(view), "results_cut": int(long.sum()),
            "tokens_removed": removed_tokens(view, view.edited(request=after, made=made), artifacts),
            **reach_tally(view, int(touched.sum()), looked),
        }  # fmt: skip
        charges = (self._charge(results, long, artifacts, view),) if self.keep == "extract" else ()
        at_risk = touched & (looked.reached | ~looked.seen)
        return Effect(
            {Column.REQUEST: after, Column.MADE: made}, touched, at_risk, charges, (), tally
        )

    def report(self, tally: Mapping[str, int], detail: Mapping[str, Any]) -> LayerReport:
        """Reach-back from the log's own answers."""
        cut, blind = tally.get("results_cut", 0), tally.get("calls_without_text", 0)
        evidence = {
            "results_cut": cut, "tokens_removed": tally.get("tokens_removed", 0),
            "affected_calls": tally.get("affected_calls", 0),
            "reach_back_rate": reach_rate(tally) if cut else 0.0, "calls_without_text": blind,
        }  # fmt: skip
        assumptions = [_SAME_STEPS]
        if self.keep == "extract":
            assumptions += [
                f"What {self.model} extracts has {self.max_tokens:,} tokens; it reads "
                f"{self.prompt_tokens:,} tokens of instructions beside each result.",
                "An extract counts as keeping nothing: its reach-back is an upper bound.",
            ]
        return LayerReport(
            evidence, reach_risk(tally), within(tally, self.max_reach_back), "from_log",
            tuple(assumptions) if cut else (),
            replay="whether answers over the trimmed prompts, sent beside the originals, are still the same, "
            "and their tokens",
            notes=self._notes(tally),
        )  # fmt: skip

    def _notes(self, tally: Mapping[str, int]) -> tuple[str, ...]:
        blind, messages = tally.get("calls_without_text", 0), tally.get("long_user_messages", 0)
        if not tally.get("results_cut", 0):
            none = f"No tool result is longer than {self.max_tokens:,} tokens."
            hint = (
                f"The log shows no tool results, but user messages of that length {messages:,} times: "
                "`user_messages: true` takes those behind an answer for results."
            )
            return (none, hint) if messages and not tally.get("results", 0) else (none,)
        return (
            (f"{blind:,} of the touched calls have no text and were not judged.",) if blind else ()
        )

    def ranges(self) -> Mapping[str, tuple[Any, Any]]:
        """None: the lengths are a rule."""
        return {}

    def _uses(self, view: View, prices: PriceBook, artifacts: Artifacts) -> Int:
        """Request uses that hold a result which may be long enough, in calls where the rule holds."""
        table = view.segments
        names = table.name.values
        chosen = np.array([self._cuts(name) for name in names], np.bool_)[table.name.codes]
        # No token is shorter than a byte, so most results are ruled out without being counted.
        may_be_long = np.where(table.tokens >= 0, table.tokens, table.n_bytes) > self.max_tokens
        may_be_long &= chosen
        wanted = may_be_long & (table.kind == SegmentKind.TOOL_RESULT)
        here = wanted[view.request.ids]
        if self.user_messages:
            messages = may_be_long & (table.kind == SegmentKind.USER)
            here |= messages[view.request.ids] & (turns_of(view).number > 0)
        uses = np.flatnonzero(here)
        call = np.searchsorted(view.request.offsets, uses, side="right") - 1
        return uses[(editable(view, prices) & matching(view, self.match, artifacts))[call]]

    def _seen(self, view: View) -> dict[str, int]:
        """Uses of results, and of user messages so long that they may be what a log calls results."""
        table = view.segments
        size = np.where(table.tokens >= 0, table.tokens, table.n_bytes // BYTES_PER_TOKEN)
        result = table.kind == SegmentKind.TOOL_RESULT
        message = (table.kind == SegmentKind.USER) & (size > self.max_tokens)
        ids = view.request.ids
        return {"results": int(result[ids].sum()), "long_user_messages": int(message[ids].sum())}

    def _cuts(self, tool: str) -> bool:
        asked = not self.tools or any(fnmatchcase(tool, p) for p in self.tools)
        return asked and not any(fnmatchcase(tool, p) for p in self.protect)

    def _kept(self) -> int:
        """Tokens of the result itself that stay."""
        return max(0, self.max_tokens - self._marker())

    def _marker(self) -> int:
        return 0 if self.keep == "extract" else self.overhead_tokens

    def _length(self) -> int:
        """Of a result that was cut."""
        return self._kept() + self._marker()

    def _made(self, view: View, results: _Results, long: Bool) -> tuple[Any, NDArray[np.int32]]:
        """(the view's made segments with the short forms, [result] id of the short form)."""
        pairs = np.stack((results.segment[long].astype(np.int64), results.tokens[long]), axis=1)
        distinct, which = np.unique(pairs, axis=0, return_inverse=True)
        source, whole = distinct[:, 0].astype(np.int32), distinct[:, 1]
        table, size = view.segments, len(source)
        kept = 0 if self.keep == "extract" else self._kept()
        head = kept if self.keep == "head" else round(kept * self.head_share)
        made, ids = view.made.added(
            kind=table.kind[source], name=table.name.codes[source],
            tokens=np.full(size, self._length()), source=source, head=np.full(size, head),
            tail=np.full(size, kept - head), mark=f"trim_tools {self.keep} {self.model}",
            whole=whole,
        )  # fmt: skip
        short = np.full(len(long), -1, np.int32)
        short[long] = ids[which.reshape(-1)]
        return made, short

    def _charge(self, results: _Results, long: Bool, artifacts: Artifacts, view: View) -> Charge:
        """One call of the cheap model for each result, when it enters its session."""
        leaves = np.zeros((int(long.sum()), N_LEAVES), np.int64)
        read = artifacts.tokens(view).count(results.segment[long], self.model)
        leaves[:, Leaf.INPUT_FRESH] = read + self.prompt_tokens
        leaves[:, Leaf.OUTPUT_TEXT] = self._length()
        return Charge(
            "extracting from tool results", "", self.model, results.first_call[long], leaves
        )


@dataclass(frozen=True)
class _Results:
    """Each result once a session; arrays are [result] but for `of_use`."""

    segment: NDArray[np.int32]
    first_call: Int
    """The first call of the session that carries it: rows are in time order."""
    tokens: Int
    """By the model of that call."""
    of_use: Int  # [use looked at], into the results

    @classmethod
    def of(cls, view: View, uses: Int, call: Int, artifacts: Artifacts) -> _Results:
        """`uses`: request uses; `call`: [use]."""
        segment = view.request.ids[uses]
        key = view.trace.session[call].astype(np.int64) * len(view.segments) + segment
        _, first, of_use = np.unique(key, return_index=True, return_inverse=True)
        tokens = counted(view, uses[first], call[first], artifacts)
        return cls(segment[first], call[first].astype(np.int64), tokens, of_use.reshape(-1))
