"""The layer `prompt_layout`; its page is the docstring of the class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from costopt.layers.base import Artifacts, Partition
from costopt.layers.parts.layout_draft import Pads
from costopt.layers.parts.layout_lead import Scene
from costopt.layers.parts.layout_order import ordered
from costopt.layers.parts.layout_pad import padding
from costopt.layers.parts.layout_plan import PADDED, Draft, Plan, judge
from costopt.layers.parts.requests import removed_tokens
from costopt.layers.parts.turns import blind_notes, without_blocks
from costopt.layers.parts.volatile import Moves, moves
from costopt.layers.settings import Patterns
from costopt.model.effect import Effect, LayerReport, Risk
from costopt.model.trace import Ragged
from costopt.model.view import Column, View
from costopt.prices.contract import PriceBook

_SAME_ANSWERS = "The same words in another order get the same answers."
_NEUTRAL_TEXT = "Neutral text in the prompt changes no answer."


@dataclass(frozen=True)
class PromptLayout:
    """Put what stays the same in front of what changes, so that the provider's cache can serve it.

    ## Where the money goes
    A provider's cache serves the longest beginning that requests share, byte for byte. A clock, an id or
    a user's name on top of a prompt makes everything behind it fresh input; so do tools in changing order.
    Below the provider's minimum, and with Anthropic without a mark, nothing is cached at all.

    ## What can go wrong
    The model reads the same words in another order. That is taken for no risk to its answers, as an
    assumption: models can be sensitive to order, and only a replay tells. Providers promise no hit: the
    gain is what the cache model expects of them, by what they served in this log.

    ## How it is simulated
    Prompts of one agent in one place are compared: what all texts of a template have in common stays,
    line by line, and the lines that differ move. Where they differ within sessions (a clock) they go
    to the very end, behind the history; where they tell only sessions apart (a name) right behind
    what the sessions share: wherever that comes to fewer fresh tokens. Tokens sum to what they were; a
    message at the end costs `overhead_tokens` more. Tools are brought into the order that most calls have,
    those that most calls send first, and system segments that many sessions share before the others.
    A shared beginning just under the minimum is padded with neutral text. Agents that never marked
    anything for a cache that wants marks get at most four: behind the tools, behind what sessions share,
    behind the front, and, where sessions go on often enough for the price of writing, on the last message.
    All of it is billed by difference like any other edit; an agent whose bill would not fall by it is left
    as it is (`only_if_cheaper`). Prompts without text in the log, calls without a cache (by date, model
    or batch) and failed calls stay as they are. Words are not cut here: shrinking is `compress`.

    ## What a replay measures
    The layout is measured by cached tokens: stretches of a session are sent in order, and what the provider
    reads from its cache is held beside what the cache model says. The answers to the same words in another
    order are compared with those to the logged one, beside the noise floor.

    ## Sources
    "Place static content at the beginning of your prompt and variable content at the end":
    https://developers.openai.com/api/docs/guides/prompt-caching; marks, their order and minimum lengths:
    https://platform.claude.com/docs/en/build-with-claude/prompt-caching (both checked 2026-11-25).
    """

    match: Patterns = ()
    """Calls in which it works, `{agent: [planner]}`; empty: all."""
    volatile: bool = True
    """Move clocks, ids and names out of the system prompt, behind what stays the same."""
    messages: bool = False
    """Do the same in the first user message, for programs that fill a template there."""
    order: bool = True
    """Bring tools into one order, and what many sessions share in front of what is their own."""
    breakpoints: bool = True
    """Mark prompts of agents that never marked any, where the provider caches only up to marks."""
    pad: Annotated[float, Field(ge=0, le=1)] = 0.25
    """Longest padding, as a share of the provider's minimum; 0: none. A quarter is a small edit, more
    is another prompt."""
    overhead_tokens: Annotated[int, Field(ge=0)] = 4
    """What a message of its own at the end costs beside its words: 3 tokens and its role with OpenAI
    (https://cookbook.openai.com/examples/how_to_count_tokens_with_tiktoken, checked 2026-11-25)."""
    only_if_cheaper: bool = True
    """Leave an agent as it is where its bill would not fall."""

    partition: ClassVar[Partition] = Partition.NAMESPACE
    """Prompts are compared over all sessions of an agent in one provider cache."""
    needs: ClassVar[tuple[str, ...]] = ("templates",)
    touches: ClassVar[frozenset[Column]] = frozenset({Column.REQUEST, Column.MADE})
    SEARCH: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "volatile": (True, False), "order": (True, False), "breakpoints": (True, False),
    }  # fmt: skip
    NEUTRAL: ClassVar[Mapping[str, Any]] = {
        "volatile": False, "messages": False, "order": False, "breakpoints": False, "pad": 0.0,
    }  # fmt: skip
    REPLAYED: ClassVar[tuple[str, ...]] = (_SAME_ANSWERS, _NEUTRAL_TEXT)

    def apply(self, view: View, prices: PriceBook, artifacts: Artifacts) -> Effect:
        """Requests laid out anew, agent by agent where it pays."""
        if all(getattr(self, name) == value for name, value in self.NEUTRAL.items()):
            return Effect()
        scene = Scene.of(view, prices, artifacts, self.match)
        seen = without_blocks(view) | _seen(scene.without_cache, 0)
        if not scene.rows.any():
            return Effect(tally=seen)
        found = moves(
            scene, artifacts, self.overhead_tokens, system=self.volatile, messages=self.messages
        )
        plan = Plan(scene, self._ids(scene, found), found, prices, self.breakpoints)
        drafts = [plan.draft(Pads.none(found.made), scene.rows)]
        pads = self._pads(scene, drafts[0], artifacts)
        if len(pads.calls):
            drafts.append(plan.draft(pads, scene.rows))
        seen |= _seen(scene.without_cache, found.blind)
        if not any(d.changed.any() for d in drafts):
            return Effect(tally=seen)
        judged = judge(scene, drafts, artifacts, only_if_cheaper=self.only_if_cheaper)
        some = pads.only(judged.choice[pads.calls] == PADDED)
        final = plan.draft(some, judged.choice > 0)
        if not final.changed.any():
            return Effect(tally={**seen, **judged.tally})
        columns: dict[Column, Any] = {Column.REQUEST: final.layout.request}
        if final.layout.made is not view.made:
            columns[Column.MADE] = final.layout.made
        tally = {
            **seen, **judged.tally, **plan.tally(judged.choice),
            "padded_calls": len(some.calls), "marked_calls": len(final.marked),
            **judged.cached(final.changed), "tokens_added": -removed_tokens(
                view, view.edited(request=final.layout.request, made=final.layout.made), artifacts),
        }  # fmt: skip
        return Effect(columns, final.changed, tally=tally)

    def report(self, tally: Mapping[str, int], detail: Mapping[str, Any]) -> LayerReport:
        """The same words in another order: no risk, as far as order is none."""
        names = (
            "moved_segments", "volatile_slots", "reordered_calls", "padded_calls", "marked_calls",
            "tokens_added", "left_as_dearer", "calls_without_text", "calls_without_cache",
        )  # fmt: skip
        evidence: dict[str, Any] = {name: tally.get(name, 0) for name in names}
        for when in ("before", "after"):
            whole = tally.get(f"input_{when}", 0)
            share = tally.get(f"read_{when}", 0) / whole if whole else None
            evidence[f"cached_share_{when}"] = share
        touched = any(tally.get(name) for name in names[:5])
        return LayerReport(
            evidence, Risk("none", 0.0, None, self._risk(tally)), True, "rule",
            self._assumed(tally) if touched else (),
            replay="the cached tokens of the new layout, and whether answers to the same words in another "
            "order are the same",
            notes=self._notes(tally, touched),
        )  # fmt: skip

    def ranges(self) -> Mapping[str, tuple[Any, Any]]:
        """None: the gain is the cache model's, which has an error of its own."""
        return {}

    def _ids(self, scene: Scene, found: Moves) -> NDArray[np.int32]:  # [request use]
        """Common texts in the place of what changes, and all in one order."""
        ids = scene.view.request.ids.copy()
        ids[found.uses] = found.ids
        if not self.order:
            return ids
        block = scene.view.request
        edited = scene.view.edited(request=Ragged(block.offsets, ids, block.flags), made=found.made)
        return ordered(replace(scene, view=edited))

    def _pads(self, scene: Scene, draft: Draft, artifacts: Artifacts) -> Pads:
        if not self.pad:
            return Pads.none(draft.layout.made)
        return padding(scene, draft.layout, self.pad, artifacts)

    def _risk(self, tally: Mapping[str, int]) -> str:
        return "none: same words, other order" + (
            ", and neutral padding" if tally.get("padded_calls") else ""
        )

    def _assumed(self, tally: Mapping[str, int]) -> tuple[str, ...]:
        out = []
        if tally.get("moved_segments") or tally.get("reordered_calls"):
            out.append(_SAME_ANSWERS)
        if tally.get("padded_calls"):
            out.append(_NEUTRAL_TEXT)
        return (
            *out,
            "The provider's cache serves the new beginnings as it serves such beginnings now.",
        )

    def _notes(self, tally: Mapping[str, int], touched: bool) -> tuple[str, ...]:
        blind, left = tally.get("calls_without_text", 0), tally.get("left_as_dearer", 0)
        out = list(blind_notes(tally))
        if blind:
            out.append(f"Of {blind:,} calls the log shows the prompt without its text: "
                       "what changes in it cannot be seen.")  # fmt: skip
        if left:
            out.append(f"{left:,} calls stay as they are: their agent's bill would not fall.")
        if uncached := tally.get("calls_without_cache", 0):
            out.append(
                f"{uncached:,} calls have no prompt cache by their model, date or service tier."
            )
        if not touched and not out:
            out.append("Nothing that changes stands in front of what does not.")
        return tuple(out)


def _seen(without_cache: int, blind: int) -> dict[str, int]:
    """Why calls were not looked at."""
    counts = {"calls_without_cache": without_cache, "calls_without_text": blind}
    return {name: count for name, count in counts.items() if count}
