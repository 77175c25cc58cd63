"""The layer `tool_dedup`; its page is the docstring of the class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from costopt.layers.base import Artifacts, Partition
from costopt.layers.parts.interval import wilson
from costopt.layers.parts.requests import counted, kept, removed_tokens, replaced
from costopt.layers.parts.tool_pairs import Repeats, only_reads, repeats, same_arguments
from costopt.layers.parts.turns import editable
from costopt.layers.settings import Patterns, matching
from costopt.model.call import SegmentKind
from costopt.model.effect import Effect, LayerReport, Risk
from costopt.model.made import Made
from costopt.model.view import Column, View
from costopt.prices.contract import PriceBook

Int = NDArray[np.int64]
Bool = NDArray[np.bool_]
_GOES_ON = "The agent goes on as it did when it is pointed to the earlier result."


@dataclass(frozen=True)
class ToolDedup:
    """Answer a repeated tool call from the result that is still in the context.

    ## Where the money goes
    The model asks again for what it was told already. The second copy of the result is paid for in every
    later call of the session.

    ## What can go wrong
    The tool might have answered differently the second time: `different_result_rate` is the share of
    answered repeats whose logged result is not byte for byte the earlier one. And a model that is told
    `see above` may look worse than one that has the text again right before it.

    ## How it is simulated
    In every request: a tool call with the name and arguments of an earlier one (compared without order of
    keys and white space) whose result still stands there, and between the two no call of a tool that may
    change something. A tool counts as one that only reads by its name (`get_order`, `read_file`, not
    `bash`, not `search_replace`), or by `reads` where that is given; what is not known to read is taken
    to change. The repeated call and its result fall away from the request, and a note of `note_tokens`
    stands in their place; with `replace: result` the call stays and the note is its result. The model
    call that asked again was made and stays paid: only what is sent behind it becomes smaller. Where an
    earlier layer has dropped the first result, the repeat stays.

    ## What a replay measures
    Deduplicated prompts, with the note in the repeat's place, are sent beside the originals: answers compared
    beside the noise floor, input tokens and the length of the answers measured. Whether a tool would answer
    otherwise the second time is counted in the log: a replay runs no tool.

    ## Sources
    Our own reading of logged agents; the rule for what only reads is a list of verbs, no measurement.
    """

    replace: Literal["pair", "result"] = "pair"
    """What falls away: the repeated call with its result, or the result alone."""
    reads: tuple[str, ...] = ()
    """Names of tools that only read, with * and ?; empty: told by their names."""
    across_user_turns: bool = True
    """Whether a result still holds after the user has said something."""
    match: Patterns = ()
    """Calls in which it works, `{agent: [planner]}`; empty: all."""
    note_tokens: Annotated[int, Field(ge=0)] = 20
    """Length of the note that stands instead; what is shorter itself is left alone."""
    max_different_results: Annotated[float, Field(ge=0, le=1)] = 0.02
    """The saving counts as verified where the upper bound of the rate of different results lies below
    this. One in fifty is a choice, not a measurement: take what your agent can bear."""
    enabled: bool = True
    """Switch it off to see the policy without it."""

    partition: ClassVar[Partition] = Partition.ROWS
    needs: ClassVar[tuple[str, ...]] = ()
    touches: ClassVar[frozenset[Column]] = frozenset({Column.REQUEST, Column.MADE})
    SEARCH: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "replace": ("pair", "result"), "across_user_turns": (True, False),
    }  # fmt: skip
    NEUTRAL: ClassVar[Mapping[str, Any]] = {"enabled": False}
    LIMIT: ClassVar[str] = "max_different_results"
    UNSENT: ClassVar[tuple[str, ...]] = ("max_different_results",)
    REPLAYED: ClassVar[tuple[str, ...]] = (_GOES_ON,)

    def apply(self, view: View, prices: PriceBook, artifacts: Artifacts) -> Effect:
        """Repeats by notes, request by request."""
        table = view.segments
        reads = np.array([only_reads(n, self.reads) for n in table.name.values], np.bool_)
        asked = (table.kind == SegmentKind.TOOL_CALL) & reads[table.name.codes]
        if not self.enabled or not asked[view.request.ids].any():
            return Effect()
        same = same_arguments(view, reads, artifacts)
        found = repeats(view, same, reads, across_users=self.across_user_turns)
        here = (editable(view, prices) & matching(view, self.match, artifacts))[found.call]
        gone = self._gone(view, found, artifacts)
        answered = here & found.quiet & (gone > 0)
        if not answered.any():
            return Effect(tally=_tally(view, found, here, answered))
        made, notes = self._notes(view, found, answered)
        after = self._without(view.edited(made=made), found, answered, notes)
        touched, at_risk = np.zeros(view.trace.n, np.bool_), np.zeros(view.trace.n, np.bool_)
        touched[found.call[answered]] = True
        at_risk[found.call[answered & _differs(view, found)]] = True
        tally = _tally(view, found, here, answered) | {
            "tokens_removed": removed_tokens(view, view.edited(request=after, made=made), artifacts)
        }
        return Effect({Column.REQUEST: after, Column.MADE: made}, touched, at_risk, tally=tally)

    def report(self, tally: Mapping[str, int], detail: Mapping[str, Any]) -> LayerReport:
        """How many repeats the log shows, and how many of the answered ones had another result."""
        answered, differ = tally.get("answered", 0), tally.get("results_differ", 0)
        rate = differ / answered if answered else None
        evidence = {
            "repeats": tally.get("repeats", 0), "repeats_answered": answered,
            "something_changed_between": tally.get("changed_between", 0),
            "results_differ": differ, "different_result_rate": rate,
            "tokens_removed": tally.get("tokens_removed", 0),
        }  # fmt: skip
        touched = tally.get("tokens_removed", 0) > 0
        risk = _risk(answered, differ, touched)
        proven = risk.ci95 is not None and risk.ci95[1] <= self.max_different_results
        return LayerReport(
            evidence, risk, proven, "from_log", self._assumptions() if touched else (),
            replay="whether answers over the deduplicated prompts, sent beside the originals, are still the "
            "same, and their tokens",
            notes=() if touched else ("No reading tool is called again with the same arguments.",),
        )  # fmt: skip

    def ranges(self) -> Mapping[str, tuple[Any, Any]]:
        """None: what repeats is in the log."""
        return {}

    def _assumptions(self) -> tuple[str, ...]:
        by = "by the patterns given" if self.reads else "by their names"
        return (
            f"Tools that only read were told {by}; nothing else changes what they return.",
            _GOES_ON,
        )

    def _gone(self, view: View, found: Repeats, artifacts: Artifacts) -> Int:  # [repeat]
        """Tokens that fall away, less the note."""
        gone = counted(view, found.result_use, found.call, artifacts) - self.note_tokens
        if self.replace == "pair":
            gone += counted(view, found.call_use, found.call, artifacts)
        return gone

    def _notes(self, view: View, found: Repeats, answered: Bool) -> tuple[Made, NDArray[np.int32]]:
        """(the view's made segments with the notes, [answered repeat] its note's id): one a tool."""
        table = view.segments
        of_use = table.name.codes[view.request.ids[found.call_use[answered]]]
        codes, which = np.unique(of_use, return_inverse=True)
        pair, none = self.replace == "pair", np.zeros(len(codes), np.int64)
        kind = SegmentKind.ASSISTANT if pair else SegmentKind.TOOL_RESULT
        made, ids = view.made.added(
            kind=np.full(len(codes), kind, np.int8), name=(none if pair else codes).astype(np.int32),
            tokens=np.full(len(codes), self.note_tokens), source=np.full(len(codes), -1, np.int32),
            head=none, tail=none, mark=f"tool_dedup {self.replace}",
            text=[_note(table.name.values[c]) for c in codes.tolist()],
        )  # fmt: skip
        return made, ids[which.reshape(-1)]

    def _without(self, view: View, found: Repeats, answered: Bool, notes: NDArray[np.int32]) -> Any:
        """The requests with notes for repeats."""
        ids = view.request.ids.copy()
        at = found.call_use if self.replace == "pair" else found.result_use
        ids[at[answered]] = notes
        noted = view.edited(request=replaced(view, ids))
        if self.replace == "result":
            return noted.request
        keep = np.ones(len(ids), np.bool_)
        keep[found.result_use[answered]] = False
        return kept(noted, keep, pass_marks=True)


def _tally(view: View, found: Repeats, here: Bool, answered: Bool) -> dict[str, int]:
    """Each repeat once, where it enters."""
    enters = here & found.enters
    return {
        "repeats": int(enters.sum()), "answered": int((enters & answered).sum()),
        "changed_between": int((enters & ~found.quiet).sum()),
        "results_differ": int((enters & answered & _differs(view, found)).sum()),
    }  # fmt: skip


def _differs(view: View, found: Repeats) -> Bool:  # [repeat]
    """The logged result is another than the one that is pointed to."""
    ids = view.request.ids
    return np.asarray(ids[found.result_use] != ids[found.root_use])


def _note(tool: str) -> str:
    return (
        f"[{tool or 'The tool'} was called again with the same arguments: its result above holds.]"
    )


def _risk(answered: int, differ: int, touched: bool) -> Risk:
    metric = "different_result_rate"
    if answered:
        low, high = wilson(differ, answered)
        basis = f"logged results of {answered:,} repeats, compared byte for byte"
        return Risk(metric, differ / answered, (float(low), float(high)), basis)
    if touched:
        return Risk(metric, None, None, "unverified: no repeat is seen when it enters its context")
    return Risk(metric, 0.0, (0.0, 0.0), "nothing was left out")
