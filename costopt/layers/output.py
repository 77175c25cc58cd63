"""The layer `output`; its page is the docstring of the class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from costopt.billing.labels import cut_by_limit
from costopt.billing.marginal import charged
from costopt.layers.base import Artifacts, Partition
from costopt.layers.parts.interval import clopper_pearson
from costopt.layers.parts.limits import group_codes, limits_of
from costopt.layers.settings import Patterns, matching
from costopt.model.effect import Basis, Effect, LayerReport, Risk
from costopt.model.leaf import OUTPUT, Leaf
from costopt.model.view import Column, View
from costopt.prices.contract import PriceBook

Int = NDArray[np.int64]
Bool = NDArray[np.bool_]
MEASURED, VISIBLE = "output_ratio", "length_ratio"
"""What a replay writes back: output tokens with the new format over those without; of the visible ones."""
_VISIBLE_LEAF = slice(Leaf.OUTPUT_TEXT, Leaf.OUTPUT_TEXT + 1)


@dataclass(frozen=True)
class Output:
    """Limit answers by task type, and ask for structured ones where prose is not needed.

    ## Where the money goes
    An output token costs four to eight times an input token. `max_tokens` by itself saves nothing on an
    honest API, which bills what was written: it stops the rare answer that does not end, and frees the
    rate limit that providers reserve by it.

    ## What can go wrong
    A limit cuts an answer that needed more: `truncation_rate` counts the logged answers that are longer
    than their limit. A structured format can cost quality as well as words.

    ## How it is simulated
    `p99` takes the 99th percentile of each group's logged answers times `margin`, where a group has a
    hundred of them, else its longest one times `margin`; answers that the log shows as cut by their own
    limit say nothing of the length that was needed, and are left out. An answer longer than its limit is
    taken to be asked for again: nothing is saved on it. Structured output takes visible answers of the
    calls in `structured` times `ratio`: measured by a replay where there was one, else assumed and labelled
    so, with no gain at all as the other end of the range. Reasoning is not shortened, and the answers that
    stand in later requests stay as they are.

    ## What a replay measures
    Limits are measured by truncation: calls whose logged answer is longer than their limit are asked again
    under it, and the answers that it cuts are counted. Structured output is no request of its own in a log: a
    replay measures its ratio of output tokens and whether the answers still say the same where the
    requests with the new format are given to it; else the ratio stays what the policy says.

    ## Sources
    Item 6 of the usual list of advice. Limits count towards the rate limit:
    https://developers.openai.com/api/docs/guides/rate-limits (checked 2026-11-25).
    """

    max_tokens: Literal["p99", "off"] | Annotated[int, Field(gt=0)] = "p99"
    """Limit of an answer in tokens, `p99` of its group's answers, or `off`."""
    margin: Annotated[float, Field(ge=1)] = 1.2
    """Room above the percentile: the 99th percentile of a hundred answers is known to some 20 %."""
    by: tuple[str, ...] = ("agent", "task")
    """What makes a group, beside the model."""
    structured: Patterns = ()
    """Calls that are asked for structured output, `{task: [extract*]}`; empty: none."""
    ratio: Annotated[float, Field(gt=0)] = 1.0
    """Visible output with the structured format over that without; 1: no shorter."""

    partition: ClassVar[Partition] = Partition.WHOLE
    """Percentiles are taken over all calls of a group; see `splits_by`."""
    needs: ClassVar[tuple[str, ...]] = ()
    touches: ClassVar[frozenset[Column]] = frozenset({Column.MAX_TOKENS, Column.LEAVES})
    NEUTRAL: ClassVar[Mapping[str, Any]] = {"max_tokens": "off", "structured": ()}
    APPLIES: ClassVar[tuple[str, ...]] = ("output_ratio",)
    UNSENT: ClassVar[tuple[str, ...]] = ("ratio",)

    def apply(self, view: View, prices: PriceBook, artifacts: Artifacts) -> Effect:
        """Limits, and shorter answers where they were asked for."""
        rows = charged(view, prices)
        limit = self._limits(view, rows, artifacts)
        written = view.leaves[:, OUTPUT].sum(axis=1)
        lower = (limit > 0) & ((view.max_tokens < 0) | (view.max_tokens > limit))
        cut = lower & (written > limit)
        ratio, basis, leaves = self._ratio(artifacts)
        shorter = self._structured(view, rows, artifacts) if ratio != 1 else rows & False
        shorter &= view.leaves[:, Leaf.OUTPUT_TEXT] > 0
        if not (lower.any() or shorter.any()):
            return Effect()
        columns: dict[Column, Any] = {}
        if lower.any():
            columns[Column.MAX_TOKENS] = np.where(lower, limit, view.max_tokens).astype(np.int32)
        if shorter.any():
            columns[Column.LEAVES] = _shortened(view.leaves, shorter, ratio, leaves)
        reserved = lower & (view.max_tokens > 0)
        tally = {
            "limited_calls": int(lower.sum()),
            "truncated_calls": int(cut.sum()),
            "without_limit": int((lower & (view.max_tokens < 0)).sum()),
            "freed_tokens": int((view.max_tokens - limit)[reserved].sum()),
            "structured_calls": int(shorter.sum()),
            "structured_measured": int(shorter.sum()) if basis == "measured" else 0,
        }
        return Effect(columns, touched=lower | shorter, at_risk=cut | shorter, tally=tally)

    def report(self, tally: Mapping[str, int], detail: Mapping[str, Any]) -> LayerReport:
        """Truncation from the log's own answers; structure is measured or assumed."""
        limited, cut = tally.get("limited_calls", 0), tally.get("truncated_calls", 0)
        structured = tally.get("structured_calls", 0)
        measured = bool(tally.get("structured_measured"))
        evidence = {
            "limited_calls": limited, "truncated_calls": cut,
            "truncation_rate": cut / limited if limited else 0.0,
            "calls_without_limit_before": tally.get("without_limit", 0),
            "freed_rate_limit_tokens": tally.get("freed_tokens", 0),
            "structured_calls": structured,
        }  # fmt: skip
        if structured:
            how = "the length of the answers was measured, their quality not" if measured else (
                f"unverified: a ratio of {self.ratio:g} is assumed")  # fmt: skip
            risk = Risk("answers_differ", None, None, how)
        else:
            low, high = clopper_pearson(cut, limited) if limited else (0.0, 0.0)
            risk = Risk(
                "truncation_rate", evidence["truncation_rate"], (float(low), float(high)),
                "logged answers that are longer than their limit",
            )  # fmt: skip
        return LayerReport(
            evidence, risk, not structured, self._basis(structured, measured),
            self._assumed(limited, structured, measured),
            replay="output limits by truncation: how many answers a limit cuts" if not structured else
            "the ratio of output tokens, whether the answers still say the same, and what a limit cuts",
            notes=self._notes(limited, structured),
        )  # fmt: skip

    def ranges(self) -> Mapping[str, tuple[Any, Any]]:
        """An assumed ratio may as well be no gain."""
        if not self.structured or self.ratio == 1:
            return {}
        return {"ratio": (min(self.ratio, 1.0), max(self.ratio, 1.0))}

    @property
    def splits_by(self) -> Partition:
        """A limit that is given needs no other call."""
        return Partition.WHOLE if self.max_tokens == "p99" else Partition.ROWS

    def _limits(self, view: View, rows: Bool, artifacts: Artifacts) -> Int:  # [call], 0: none
        if self.max_tokens == "off":
            return np.zeros(view.trace.n, np.int64)
        if isinstance(self.max_tokens, int):
            return np.where(rows, self.max_tokens, 0)
        parts = [artifacts.column(view, part) for part in self.by]
        group = group_codes([*parts, view.model], view.trace.n)
        whole = rows & ~cut_by_limit(view.trace)
        found = limits_of(view.leaves[:, OUTPUT].sum(axis=1), group, whole, self.margin)
        return np.where(rows, found, 0)

    def _structured(self, view: View, rows: Bool, artifacts: Artifacts) -> Bool:
        if not self.structured:
            return np.zeros(view.trace.n, np.bool_)
        return rows & matching(view, self.structured, artifacts)

    @property
    def risks_answers(self) -> bool:
        """A limit cuts an answer or does not; only another format may say something else."""
        return bool(self.structured)

    def _ratio(self, artifacts: Artifacts) -> tuple[float, Basis, slice]:
        """(ratio, what it rests on, leaves that it is a ratio of)"""
        measured = artifacts.measured("output")
        if measured.get(MEASURED) is not None:
            return float(measured[MEASURED]), "measured", OUTPUT
        if measured.get(VISIBLE) is not None:
            return float(measured[VISIBLE]), "measured", _VISIBLE_LEAF
        return self.ratio, "assumed", _VISIBLE_LEAF

    def _basis(self, structured: int, measured: bool) -> Basis:
        if not structured:
            return "from_log"
        return "measured" if measured else "assumed"

    def _assumed(self, limited: int, structured: int, measured: bool) -> tuple[str, ...]:
        out = []
        if limited:
            out.append("An answer cut by its limit is asked for again: nothing is saved on it.")
        if structured and not measured:
            out.append(f"Structured answers have {self.ratio:g} of the visible tokens: assumed.")
        return tuple(out)

    def _notes(self, limited: int, structured: int) -> tuple[str, ...]:
        if limited and not structured:
            return ("A limit saves nothing by itself: the provider bills what was written.",)
        return () if structured else ("No answer has or gets another limit.",)


def _shortened(leaves: Int, rows: Bool, ratio: float, which: slice) -> Int:
    """These leaves of the output times the ratio, to whole tokens; of the visible ones at least one."""
    out = leaves.copy()
    out[rows, which] = np.rint(out[rows, which] * ratio).astype(np.int64)
    out[rows, Leaf.OUTPUT_TEXT] = np.maximum(out[rows, Leaf.OUTPUT_TEXT], 1)
    return out
