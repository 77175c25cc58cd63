"""The layer `window`: requests without their older turns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from costopt.layers.base import Artifacts, Partition
from costopt.layers.parts.cuts import Cuts, by_tokens, by_turns, steps, to_fit
from costopt.layers.parts.reach_back import OPEN_LOOP, reach_back
from costopt.layers.parts.reached import reach_rate, reach_risk, reach_tally, within
from costopt.layers.parts.requests import inserted, kept
from costopt.layers.parts.sizes import LEAST_SCALE, Sizes
from costopt.layers.parts.summaries import Plan, Summaries, summaries
from costopt.layers.parts.turns import blind_notes, editable, turns_of, without_blocks
from costopt.layers.settings import Patterns, matching
from costopt.model.call import SegmentKind
from costopt.model.effect import Charge, Effect, LayerReport
from costopt.model.leaf import N_LEAVES, Leaf
from costopt.model.trace import Ragged
from costopt.model.view import Column, View
from costopt.prices.contract import PriceBook

Int = NDArray[np.int64]
Bool = NDArray[np.bool_]


@dataclass(frozen=True)
class Window:
    """Send only the last turns of a conversation: a rolling window, in steps, with summaries or a budget.

    ## Where the money goes
    Every call of an agent sends its whole history again, so a session of n turns pays for about n squared
    of them. A window keeps the system prompt, the tools, the task and the last turns.

    ## What can go wrong
    An answer may need what was dropped. The provider's prompt cache may also have served the history at a
    tenth of the price: a window that slides at every turn changes what stands right behind the task, the
    cached beginning ends there, and the bill rises. `slide_every` drops several turns at once, so that the
    beginning stays the same in between; a summary costs its own call and moves with every cut.

    ## How it is simulated
    A turn opens with an answer of the model and holds its tool calls, their results and the user's reply;
    calls are never cut from their results, and system messages stay wherever they stand. How much is
    dropped follows from the turns in the request itself, so histories that the log edited or compacted are
    cut by what they show. The remaining bytes go through the model of the provider's cache.

    Reach-back is the share of edited calls whose logged answer has an identifier, number, path or quote
    that stands in a dropped segment and in none that is still sent. It counts too much where the model
    would have known the word anyway, and where a summary would have kept it; it counts too little where an
    answer used what it had read in other words. On real logs 1 to 4 % of the calls seem to reach back into
    the turns of another session: that much is chance (`scripts/validate.py windows`). It is measured on
    answers that saw the whole context: what an agent does after it has forgotten is not in any log.

    ## What a replay measures
    Windowed prompts are sent beside the originals: answers compared beside the noise floor, input tokens and
    the length of the answers measured. A summary is not written by a replay of single calls: with
    `summarize` such requests cannot be sent, and their length stays assumed. What an agent does after it has
    forgotten a turn is not measured either.

    ## Sources
    https://developers.openai.com/api/docs/guides/prompt-caching and
    https://platform.claude.com/docs/en/build-with-claude/prompt-caching: prefixes are matched from the first
    byte on (checked 2026-11-24). https://langchain-ai.github.io/langmem/reference/short_term/: summaries of
    256 tokens by default (checked 2026-11-24). https://reference.langchain.com/v0.3/python/langchain/memory/
    langchain.memory.summary_buffer.ConversationSummaryBufferMemory.html: a buffer of 2,000 tokens (checked
    2026-11-24).
    """

    turns: Annotated[int, Field(ge=1)] = 8
    """Turns that are always sent, beside system prompt, tools and task."""
    slide_every: Annotated[int, Field(ge=1)] = 1
    """Turns dropped at a time: at most `turns + slide_every - 1` are sent. 1 slides at every turn."""
    max_input_tokens: Annotated[int, Field(ge=1)] | None = None
    """Hard budget of a request: older turns are dropped until it fits. null: none."""
    summarize: Literal["off", "steps", "budget"] = "off"
    """`steps`: a summary stands for what was dropped, renewed with each `slide_every` turns.
    `budget`: the history stays until it exceeds `summarize_above_tokens`; then all but the last
    `turns` become a summary. `off`: what is dropped is gone."""
    summarize_above_tokens: Annotated[int, Field(ge=1)] = 20_000
    """With `summarize: budget`: tokens of the turns sent that are still left alone."""
    summary_model: str = "gpt-4.1-nano"
    """Cheap model that writes the summaries; what it reads and writes is charged."""
    summary_provider: str = "openai"
    """Whose price is charged for it."""
    summary_tokens: Annotated[int, Field(ge=1)] = 256
    """Length of a summary: assumed, until a replay has written some."""
    summary_prompt_tokens: Annotated[int, Field(ge=0)] = 200
    """Instructions that the summariser reads each time: assumed."""
    levels: Annotated[int, Field(ge=1, le=8)] = 1
    """1: one running summary. More: summaries of summaries, the top one runs on."""
    summaries_per_level: Annotated[int, Field(ge=2)] = 4
    """With several levels: so many summaries are put together as one of the next level."""
    max_reach_back: Annotated[float, Field(ge=0, le=1)] = 0.02
    """The saving counts as verified where the upper bound of the reach-back rate lies below this.
    One answer in fifty is what the measure finds by chance: take what your agent can bear."""
    match: Patterns = ()
    """Only calls of these agents or tasks: `{agent: [planner]}`. Empty: all."""

    partition: ClassVar[Partition] = Partition.SESSION
    needs: ClassVar[tuple[str, ...]] = ()
    touches: ClassVar[frozenset[Column]] = frozenset({Column.REQUEST, Column.MADE})
    SEARCH: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "turns": (4, 6, 8, 12, 16, 24, 32), "slide_every": (1, 2, 4, 8),
    }  # fmt: skip
    NEUTRAL: ClassVar[Mapping[str, Any]] = {
        "turns": 1_000_000_000, "max_input_tokens": None, "summarize": "off",
    }  # fmt: skip
    LIMIT: ClassVar[str] = "max_reach_back"
    UNSENT: ClassVar[tuple[str, ...]] = ("max_reach_back",)

    def apply(self, view: View, prices: PriceBook, artifacts: Artifacts) -> Effect:
        """Requests without their older turns."""
        rows = matching(view, self.match, artifacts) & editable(view, prices)
        turns = turns_of(view)
        work = Sizes(view, turns, artifacts)
        cuts = self._cuts(work, rows)
        touched = cuts.dropped > 0
        if not touched.any():
            return Effect(tally=without_blocks(view))
        block = view.request
        keep = (turns.number == 0) | (turns.number > np.repeat(cuts.dropped, block.lengths))
        request = kept(view, keep)
        columns: dict[Column, Any] = {Column.REQUEST: request}
        written: Summaries | None = None
        if self.summarize != "off":
            written = summaries(view, turns, cuts, work.turn_tokens(self.summary_model), self.plan)
            columns = self._with_summaries(view, request, turns.number[keep], written)
        after = columns[Column.REQUEST]
        reach = reach_back(view, after, np.flatnonzero(touched), artifacts)
        tally = reach_tally(view, int(touched.sum()), reach) | without_blocks(view)
        tally["tokens_dropped"] = work.removed(keep)
        if written is not None:
            tally["summaries"] = len(written.call)
            tally["summary_tokens"] = work.billed(
                written.stands_call, written.tokens[written.stands]
            )
        return Effect(
            columns, touched, touched & (reach.reached | ~reach.seen),
            () if written is None else (self._charge(written),), tally=tally,
        )  # fmt: skip

    def report(self, tally: Mapping[str, int], detail: Mapping[str, Any]) -> LayerReport:
        """Reach-back as the risk; the summaries' length as an assumption."""
        affected = tally.get("affected_calls", 0)
        risk, verified = reach_risk(tally), within(tally, self.max_reach_back)
        evidence = {
            "tokens_removed": tally.get("tokens_dropped", 0) - tally.get("summary_tokens", 0),
            "reach_back_rate": reach_rate(tally) if affected else 0.0,
            "affected_calls": affected,
            "calls_without_text": tally.get("calls_without_text", 0),
        }
        assumptions = [OPEN_LOOP]
        if self.summarize != "off":
            evidence["summaries"] = tally.get("summaries", 0)
            assumptions += [
                f"A summary has {self.summary_tokens} tokens; {self.summary_model} reads "
                f"{self.summary_prompt_tokens} tokens of instructions beside what it sums up.",
                "A summary counts as keeping nothing: its reach-back is an upper bound.",
                "Summaries are ready when the next call needs them; their time is not counted.",
            ]
        return LayerReport(
            evidence, risk, verified, "from_log", tuple(assumptions),
            replay="whether answers over the windowed prompts, sent beside the originals, are still the "
            "same, and their tokens",
            notes=self._notes(tally, verified),
        )  # fmt: skip

    def ranges(self) -> Mapping[str, tuple[Any, Any]]:
        """From half of the default of LangMem to the whole buffer of LangChain's summary memory."""
        if self.summarize == "off":
            return {}
        return {"summary_tokens": (min(128, self.summary_tokens), max(2000, self.summary_tokens))}

    @property
    def plan(self) -> Plan:
        """How summaries are kept."""
        return Plan(self.levels, self.summaries_per_level, self.summary_tokens)

    def _cuts(self, work: Sizes, rows: Bool) -> Cuts:
        """Where each call is cut; calls outside `rows` are not."""
        count = np.where(rows, work.turns.count, 0)
        step = self.slide_every
        if self.summarize != "budget":
            dropped = by_turns(count, self.turns, step)
            return steps(self._fitting(work, rows, dropped), step)
        if not (count > self.turns).any():
            return steps(np.zeros_like(count), step)
        sizes = work.turn_tokens()
        cuts = by_tokens(work.turns, sizes, self.turns, step, self.summarize_above_tokens)
        cuts = cuts.only(rows)
        return cuts.then(self._fitting(work, rows, cuts.dropped))

    def _fitting(self, work: Sizes, rows: Bool, dropped: Int) -> Int:  # [call]
        """More dropped where a request is above the budget; summaries count as they would stand."""
        if self.max_input_tokens is None:
            return dropped
        standing = self.plan.most if self.summarize != "off" else 0
        excess = work.input_tokens - self.max_input_tokens
        counted = np.ceil(excess / np.maximum(work.scale, LEAST_SCALE)).astype(np.int64) + standing
        excess = np.where(rows & (excess > 0), counted, 0)
        return to_fit(dropped, work.turns, work.turn_tokens(), excess, self.slide_every)

    def _with_summaries(
        self, view: View, request: Ragged, number: NDArray[np.int32], written: Summaries
    ) -> dict[Column, Any]:
        """The summaries between task and turns. `number`: [kept use]."""
        many, settings = len(written.call), repr(self)
        none = np.full(many, -1, np.int32)
        made, ids = view.made.added(
            kind=np.full(many, SegmentKind.USER, np.int8), name=np.zeros(many, np.int32),
            tokens=written.tokens, source=none, head=np.zeros(many, np.int64),
            tail=np.zeros(many, np.int64), mark=[f"{settings} {m}" for m in written.mark],
        )  # fmt: skip
        turn_uses = np.flatnonzero(number > 0)
        begin = turn_uses[np.searchsorted(turn_uses, request.offsets[written.stands_call])]
        after = inserted(
            replace(view, request=request), written.stands_call, begin, ids[written.stands]
        )
        return {Column.REQUEST: after, Column.MADE: made}

    def _charge(self, written: Summaries) -> Charge:
        leaves = np.zeros((len(written.call), N_LEAVES), np.int64)
        leaves[:, Leaf.INPUT_FRESH] = written.input_tokens + self.summary_prompt_tokens
        leaves[:, Leaf.OUTPUT_TEXT] = written.tokens
        return Charge(
            "summaries of dropped turns", self.summary_provider, self.summary_model,
            written.call, leaves,
        )  # fmt: skip

    def _notes(self, tally: Mapping[str, int], verified: bool) -> tuple[str, ...]:
        notes = list(blind_notes(tally))
        if not tally.get("affected_calls"):
            return (*notes, f"No request shows more than {self.turns} turns: nothing is dropped.")
        if self.slide_every == 1 and self.summarize != "budget":
            notes.append(
                "It slides at every turn, which ends the cached beginning behind the task each time: "
                "try slide_every: 4."
            )
        if not verified and tally.get("reach_x"):
            notes.append(
                "Answers use what the window drops: more turns, or `memory`, keep more of it."
            )
        return tuple(notes)
