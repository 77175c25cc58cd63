"""The layer `batch`; its page is the docstring of the class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from costopt.billing.background import background_work, session_depth
from costopt.billing.edits import with_value
from costopt.billing.labels import named_background
from costopt.billing.marginal import charged, has_price
from costopt.billing.prompt_cache.rules import rule_columns
from costopt.layers.base import Artifacts, Partition
from costopt.layers.parts.batch_groups import group_rows, group_tally
from costopt.layers.settings import Duration, Patterns, matching
from costopt.model.effect import Effect, LayerReport, Risk
from costopt.model.leaf import Leaf
from costopt.model.view import Column, View
from costopt.money import exact_sum, usd_float
from costopt.prices.contract import PriceBook

Bool = NDArray[np.bool_]
DAY_S = 86_400.0
TIER = "batch"
CHEAP_TIERS = ("batch", "flex")


@dataclass(frozen=True)
class Batch:
    """Send work that nobody waits for through the provider's batch API.

    ## Where the money goes
    A batch is answered within 24 hours, at half the price with the large providers.

    ## What can go wrong
    The batch rate halves *rates*. A cached read keeps its discount only where the provider lists a cached
    batch price; elsewhere all input is paid at half the fresh price, which is more than a tenth of it:
    well-cached input gets dearer in a batch. Such a rise is shown as a rise. A chain of k steps that build
    on each other takes k batch windows.

    ## How it is simulated
    By `match`, or inferred: calls named like background work (nightly, cron, digest, backfill, eval, ...) or
    whose agent starts in the same two hours of the day on five days or more, in sessions in which no person
    replies to an answer. A session moves as a whole, if the windows that its longest chain of dependent
    steps needs end before `deadline`. Calls whose model has no batch price in the book stay where they are
    and are counted. The moved calls are billed at the batch price, and the provider's prompt cache by
    its rules for batches: where reads lose their discount there, the calls neither read nor warm it.

    ## What a replay measures
    A real batch of a few lines through the provider's batch API: that it is charged at the batch price, and
    how long its answers take. The price itself is a rule of the provider, and the request stays the same, so
    its answers are at no risk.

    ## Sources
    https://developers.openai.com/api/docs/guides/batch and
    https://platform.claude.com/docs/en/build-with-claude/batch-processing (checked 2026-11-24).
    """

    match: Patterns = ()
    """Calls that may wait, `{agent: [nightly-*]}`; empty: inferred from names and the clock."""
    deadline: Duration = DAY_S
    """When the last answer of a session must be there at the latest, counted from its start."""
    window: Annotated[Duration, Field(gt=0)] = DAY_S
    """In what time the provider promises a batch: 24 h with OpenAI and Anthropic."""
    only_if_cheaper: bool = False
    """Leave calls alone whose lost cache discount costs more than the batch price saves."""

    partition: ClassVar[Partition] = Partition.WHOLE
    """The clock is read from all starts of an agent; see `splits_by`."""
    needs: ClassVar[tuple[str, ...]] = ()
    touches: ClassVar[frozenset[Column]] = frozenset({Column.SERVICE_TIER})
    SEARCH: ClassVar[Mapping[str, tuple[Any, ...]]] = {"only_if_cheaper": (True, False)}
    NEUTRAL: ClassVar[Mapping[str, Any]] = {"deadline": 0.0}

    def apply(self, view: View, prices: PriceBook, artifacts: Artifacts) -> Effect:
        """Another service tier for what can wait."""
        work = self._work(view, artifacts) & charged(view, prices)
        cheap = [i for i, v in enumerate(view.service_tier.values) if v in CHEAP_TIERS]
        open_calls = work & ~np.isin(view.service_tier.codes, cheap)
        if not open_calls.any():
            return Effect(tally={"in_batch_already": int((work & ~open_calls).sum())})
        in_time = session_depth(view) * self.window <= self.deadline
        moved = self._moved(view, prices, open_calls)
        priced = has_price(moved, prices)
        chosen = open_calls & in_time & priced
        loses = chosen & (moved.leaves != view.leaves).any(axis=1)
        if self.only_if_cheaper:
            chosen &= ~self._dearer(view, loses, artifacts)
        tally = {
            "in_batch_already": int((work & ~open_calls).sum()),
            "too_deep": int((open_calls & ~in_time).sum()),
            "no_batch_price": int((open_calls & in_time & ~priced).sum()),
            "left_as_dearer": int((open_calls & in_time & priced & ~chosen).sum()),
        }  # fmt: skip
        if not chosen.any():
            return Effect(tally=tally)
        before = artifacts.bill(view).net_pusd
        tally |= {
            "eligible_calls": int(chosen.sum()),
            "eligible_pusd": int(exact_sum(before[chosen])),
            "cache_lost_calls": int((chosen & loses).sum()),
            **group_tally(view, chosen, before, self._why(view)),
        }
        tier = with_value(view.service_tier, chosen, TIER)
        return Effect({Column.SERVICE_TIER: tier}, touched=chosen, tally=tally)

    def report(self, tally: Mapping[str, int], detail: Mapping[str, Any]) -> LayerReport:
        """Same model, same bytes: the answers are at no risk; they come later."""
        eligible = tally.get("eligible_calls", 0)
        evidence = {
            "eligible_calls": eligible,
            "eligible_usd": usd_float(tally.get("eligible_pusd", 0)),
            **{name: tally.get(name, 0) for name in (
                "in_batch_already", "too_deep", "no_batch_price", "left_as_dearer",
                "cache_lost_calls")},
            "groups": group_rows(tally),
        }  # fmt: skip
        later = (
            f"none: same model, same request; answers come up to {self.deadline / 3600:g} h later"
        )
        return LayerReport(
            evidence, Risk("none", 0.0, None, later), True, "rule", self._assumed(tally),
            replay="by a real batch of a few lines: the price charged, and the time to its answers",
            notes=self._notes(tally),
        )  # fmt: skip

    def ranges(self) -> Mapping[str, tuple[Any, Any]]:
        """None: the batch price is a rule."""
        return {}

    @property
    def splits_by(self) -> Partition:
        """Calls that the policy names need no clock; their bill needs the namespace's cache."""
        return Partition.NAMESPACE if self.match else Partition.WHOLE

    def _work(self, view: View, artifacts: Artifacts) -> Bool:
        if self.match:
            return matching(view, self.match, artifacts)
        return background_work(view)

    def _why(self, view: View) -> NDArray[np.int8]:  # [call], index into batch_groups.WHY
        if self.match:
            return np.zeros(view.trace.n, np.int8)
        return np.where(named_background(view.trace), 1, 2).astype(np.int8)

    def _moved(self, view: View, prices: PriceBook, rows: Bool) -> View:
        """These calls in a batch; a read that no batch keeps is looked at as fresh input."""
        moved = view.edited(service_tier=with_value(view.service_tier, rows, TIER))
        leaves = view.leaves.copy()
        lost = np.where(rows & ~rule_columns(moved, prices).reads, leaves[:, Leaf.CACHE_READ], 0)
        leaves[:, Leaf.INPUT_FRESH] += lost
        leaves[:, Leaf.CACHE_READ] -= lost
        return moved.edited(leaves=leaves)

    def _dearer(self, view: View, rows: Bool, artifacts: Artifacts) -> Bool:
        """Of these calls, those that cost more in a batch, as both stand in the bill."""
        if not rows.any():
            return rows
        tier = with_value(view.service_tier, rows, TIER)
        after = artifacts.bill(view.edited(service_tier=tier)).net_pusd
        return np.asarray(rows & (after > artifacts.bill(view).net_pusd))

    def _assumed(self, tally: Mapping[str, int]) -> tuple[str, ...]:
        if not tally.get("eligible_calls"):
            return ()
        said = ["Nobody waits for these answers."]
        if not self.match:
            said = ["That nobody waits for these answers is inferred from names or start times."]
        return (*said, "All of a batch is answered inside the provider's window.")

    def _notes(self, tally: Mapping[str, int]) -> tuple[str, ...]:
        rows = (
            ("too_deep", "calls wait for each other too often to be done before the deadline."),
            ("no_batch_price", "calls have no batch price in the book."),
            ("cache_lost_calls", "calls lose the discount of their cached input in a batch."),
            ("left_as_dearer", "calls would be dearer in a batch and stay where they are."),
        )
        said = [f"{tally[name]:,} {text}" for name, text in rows if tally.get(name)]
        if not tally.get("eligible_calls") and not said:
            said = ["No call is named like background work, starts by the clock or fits `match`."]
        return tuple(said)
