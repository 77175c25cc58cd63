"""What a policy does to each call, layer by layer, and by what a replay can measure it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from costopt.billing.view_tokens import changed_requests
from costopt.engine.evaluate import Evaluator, Layers
from costopt.layers.base import Layer
from costopt.layers.discover import name_of
from costopt.model.call import SegmentKind
from costopt.model.effect import Effect
from costopt.model.leaf import OUTPUT
from costopt.model.trace import Categorical
from costopt.model.view import View
from costopt.replay.sendable import calls_with

Bool = NDArray[np.bool_]
Int = NDArray[np.int64]
BATCH_TIER = "batch"
NOT_WRITTEN = (
    "no request shows it: its texts (a summary, a compressed block) were not written, only counted; what is "
    "sent leaves it out"
)


class By(StrEnum):
    """What tells whether a layer keeps its word."""

    ANSWERS = "answers"
    """The edited request (other model, shorter prompt) against the unchanged one's answer."""
    CACHE = "cache"
    """The true answer, asked for now, against the one that the cache gives."""
    LAYOUT = "layout"
    """Tokens that the provider reads from its cache, along stretches of a session; and answers."""
    OUTPUT = "output"
    """How answers end under the lower limit."""
    BATCH = "batch"
    """A few lines through the batch API: price and turnaround."""


@dataclass(frozen=True)
class Exposed:
    """One layer at its place in the policy. Arrays are [call]."""

    name: str
    """The layer's; a second one of the same class is `name#2`."""
    layer: Layer
    place: int
    by: By | None
    """None: no request measures it; `Exposure.not_measured` says why."""
    rows: Bool
    """Calls by which it can be measured."""
    risk: Bool
    """Calls that are still sent and whose answer it may change: it edits what the model reads."""
    flagged: Bool
    """Calls of which the layer itself says, from the log, that their answer is at risk."""
    served_from: Int | None = None


@dataclass(frozen=True)
class Exposure:
    """A policy over a trace."""

    recorded: View
    view: View
    """Behind all layers whose texts are there."""
    layers: tuple[Exposed, ...]
    risks: NDArray[np.int64]
    """[call]: layers that put the answer of the policy's request at risk."""
    output: Int
    """[call]: output tokens of the request as it is sent: what a layer only promises (an answer in a
    form that no request asks for) is not taken off."""
    not_measured: Mapping[str, str]

    def named(self, row: int) -> tuple[str, ...]:
        """Layers that put the answer of this call's policy request at risk."""
        return tuple(e.name for e in self.layers if e.risk[row])

    def moves(self) -> dict[str, int]:
        """`gpt-4o -> gpt-4o-mini` to the calls that go to another model."""
        rows = np.flatnonzero(self.view.sent & _differs(self.recorded.model, self.view.model))
        was, now = self.recorded.model, self.view.model
        pairs = Counter(zip(was.codes[rows].tolist(), now.codes[rows].tolist(), strict=True))
        return {f"{was.values[a]} -> {now.values[b]}": n for (a, b), n in sorted(pairs.items())}


def exposure_of(evaluator: Evaluator, layers: Layers) -> Exposure:
    """The waterfall's states, compared step by step. A layer whose texts nobody wrote (a compressor that was
    not run) is taken out of what is sent, so that the others can be measured."""
    found, why = [], {}
    before, output = evaluator.recorded, output_of(evaluator.recorded)
    sent: Layers = ()
    for place, (name, layer) in enumerate(zip(names_of(layers), layers, strict=True)):
        tried = (*sent, layer)
        after, effect = evaluator.state(tried).view, evaluator.effect(tried)
        if _unwritten(before, after):
            why[name] = NOT_WRITTEN
            continue
        exposed, reason = _exposed(name, layer, place, before, after, effect)
        found.append(exposed)
        if reason:
            why[name] = reason
        output = sent_output(output, before, after)
        before, sent = after, tried
    found = [_still_sent(e, before) for e in found]
    risks = np.zeros_like(output)
    for exposed in found:
        risks += exposed.risk
    return Exposure(evaluator.recorded, before, tuple(found), risks, output, why)


def names_of(layers: Layers) -> list[str]:
    """`window`, and `window#2` for a second one."""
    seen: Counter[str] = Counter()
    out = []
    for layer in layers:
        name = name_of(layer)
        seen[name] += 1
        out.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return out


def _unwritten(before: View, after: View) -> bool:
    """Whether half of the requests that a layer edits, or more, hold a text that it did not write."""
    if before.request is after.request:
        return False
    lost = _without_text(after) & ~_without_text(before)
    return bool(lost.any()) and 2 * int(lost.sum()) >= int(changed_requests(before, after).sum())


def _without_text(view: View) -> Bool:  # [call]
    table = view.segments
    return calls_with(view.request, ~table.has_text & (table.kind != SegmentKind.REASONING))


def _exposed(
    name: str, layer: Layer, place: int, before: View, after: View, effect: Effect
) -> tuple[Exposed, str]:
    """The layer, and why nothing measures it (empty: something does)."""
    none = np.zeros(before.trace.n, np.bool_)
    flagged = none if effect.at_risk is None else effect.at_risk
    edited = edited_calls(before, after)
    limited = before.max_tokens != after.max_tokens
    risk = edited | (limited & flagged)
    by, rows = _measured_by(name, before, after, effect, edited, limited, flagged)
    reason = "" if rows.any() else _why_not(before, after, effect)
    found = Exposed(
        name, layer, place, by if rows.any() else None, rows, risk, flagged, effect.served_from
    )
    return found, reason


def _measured_by(
    name: str, before: View, after: View, effect: Effect, edited: Bool, limited: Bool, flagged: Bool
) -> tuple[By | None, Bool]:
    stopped = before.sent & ~after.sent
    if effect.served_from is not None:
        return By.CACHE, stopped & (effect.served_from >= 0)
    if name.startswith("prompt_layout"):
        return By.LAYOUT, edited | _marked(before, after)
    if edited.any():
        return By.ANSWERS, edited
    if limited.any():
        # Logged answers above the limit are cut; without any, those that could come out longer now.
        cut = limited & flagged
        return By.OUTPUT, cut if cut.any() else limited
    return By.BATCH, _differs(before.service_tier, after.service_tier) & _batched(after)


def _batched(view: View) -> Bool:  # [call]
    batch = np.array([v == BATCH_TIER for v in view.service_tier.values], np.bool_)
    return np.asarray(batch[view.service_tier.codes])


def _why_not(before: View, after: View, effect: Effect) -> str:
    if effect.is_empty or effect.touched is None or not effect.touched.any():
        return "it changes no call of this log"
    if (before.sent & ~after.sent).any():
        return (
            "no request measures it: it stops calls, and what it saves is arithmetic on the log; what a "
            "stopped session would still have done is nowhere to be asked"
        )
    if before.leaves is not after.leaves:
        return (
            "no request asks for it: the policy names no form to answer in, so its ratio stays what the "
            "policy says"
        )
    return "it changes nothing that a model reads"


def _still_sent(exposed: Exposed, after: View) -> Exposed:
    """What a later layer answers or stops is not sent by the policy, and a batch call that it moves to
    machines of one's own is in no batch."""
    sent = after.sent
    rows = exposed.rows if exposed.by is By.CACHE else exposed.rows & sent
    if exposed.by is By.BATCH:
        rows = rows & _batched(after)
    return Exposed(
        exposed.name, exposed.layer, exposed.place, exposed.by, rows, exposed.risk & sent,
        exposed.flagged, exposed.served_from,
    )  # fmt: skip


def edited_calls(before: View, after: View) -> Bool:  # [call]
    """Calls that another model reads, or that read something else."""
    moved = _differs(before.model, after.model) | _differs(before.provider, after.provider)
    return changed_requests(before, after) | moved


def sent_output(so_far: Int, before: View, after: View) -> Int:
    """Output follows the leaves where the request or its model changed, else it stays."""
    if before.leaves is after.leaves:
        return so_far
    return np.where(edited_calls(before, after), output_of(after), so_far)


def output_of(view: View) -> Int:  # [call]
    out: Int = view.leaves[:, OUTPUT].sum(axis=1)
    return out


def _differs(a: Categorical, b: Categorical) -> Bool:  # [call]
    """Rows whose texts differ; codes of two tables need not."""
    if a is b:
        return np.zeros(len(a.codes), np.bool_)
    place = {text: code for code, text in enumerate(a.values)}
    as_a = np.array([place.get(text, -1) for text in b.values], np.int64)
    return np.asarray(as_a[b.codes] != a.codes)


def _marked(before: View, after: View) -> Bool:  # [call]
    """Requests of the same blocks with other cache marks."""
    out = np.zeros(before.trace.n, np.bool_)
    if before.request is after.request:
        return out
    same = np.flatnonzero(before.request.lengths == after.request.lengths)
    unlike = (
        before.request.flags[before.request.uses_of(same)]
        != after.request.flags[after.request.uses_of(same)]
    )
    call = np.repeat(same, before.request.lengths[same])
    out[call[unlike]] = True
    return out
