"""What proves a finding: its dearest calls, where they stand in the log, and where their prompt broke."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from costopt.billing.context import AuditContext
from costopt.findings.difference import Difference, difference
from costopt.findings.lineage import lineage
from costopt.model.call import SegmentKind, UsageState
from costopt.model.escape import clean
from costopt.model.finding import Finding
from costopt.model.secrets import masked
from costopt.model.trace import NO_TIME, Trace
from costopt.money import PicoUsd

CALLS_SHOWN = 3
TEXT_COLUMNS = 160
"""Of a segment's text, shown beside its dollars."""
TEXT_READ = 2_000
"""Characters in which secrets are looked for before the rest is cut off."""


@dataclass(frozen=True, slots=True)
class Break:
    """Where a call leaves the prompt of the call before it."""

    against: str
    """Id of the call before."""
    segment_number: int
    segment_kind: str
    difference: Difference | None
    """None: the segments are of two kinds, one has moved, or the log keeps no text."""


@dataclass(frozen=True, slots=True)
class Part:
    """A segment of a call, or a sum without text, with what was paid for it."""

    what: str
    tool: str
    tokens: int
    cached_tokens: int
    resent: bool
    pusd: PicoUsd
    text: str
    """Beginning, made safe; empty where the log keeps none."""


@dataclass(frozen=True, slots=True)
class CallProof:
    """One call as the log has it. Texts are safe to show."""

    id: str
    session: str
    """Empty: the log names none."""
    at_us: int | None
    provider: str
    model: str
    agent: str
    step: int
    pusd: PicoUsd | None
    """Net; None: not known."""
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    usage: str
    source_file: str
    source_line: int
    broken: Break | None = None
    parts: tuple[Part, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Proof:
    """A finding with its calls, or (finding None) one call with the findings that name it."""

    id: str
    finding: Finding | None
    calls: tuple[CallProof, ...]
    named_by: tuple[tuple[str, str], ...] = ()
    """(id, title) of the findings that rest on the call."""
    sessions: int = 0
    bill_pusd: PicoUsd = PicoUsd(0)
    """Of the whole log."""


def finding_proof(context: AuditContext, id: str, finding: Finding) -> Proof:
    """The finding and its three dearest calls."""
    with_breaks = finding.name == "cache_breakers"
    calls = [call_proof(context, row, with_break=with_breaks)
             for row in finding.calls[:CALLS_SHOWN].tolist()]  # fmt: skip
    sessions = len(np.unique(context.trace.session[finding.calls]))
    return Proof(id, finding, tuple(calls), sessions=sessions, bill_pusd=context.total_pusd)


def one_call_proof(context: AuditContext, row: int, findings: list[tuple[str, Finding]]) -> Proof:
    """A call with its parts, and the findings that rest on it."""
    call = call_proof(context, row, with_break=True, with_parts=True)
    named = tuple((id, f.title) for id, f in findings if row in set(f.calls.tolist()))
    return Proof(call.id, None, (call,), named, 1)


def call_proof(
    context: AuditContext, row: int, *, with_break: bool = False, with_parts: bool = False
) -> CallProof:
    """One row of the trace, made safe to show."""
    trace = context.trace
    priced = bool(context.bill.priced[row])
    known = bool(trace.session_known[row])
    return CallProof(
        clean(trace.id[row]), clean(trace.sessions[trace.session[row]]) if known else "",
        None if trace.at_us[row] == NO_TIME else int(trace.at_us[row]),
        _name(trace, "provider", row), _name(trace, "model", row), _name(trace, "agent", row),
        int(trace.step[row]), PicoUsd(int(context.bill.net_pusd[row])) if priced else None,
        int(trace.input_tokens[row]), int(trace.cache_read[row]), int(trace.output_tokens[row]),
        UsageState(int(trace.usage_state[row])).name.lower(),
        _name(trace, "source_file", row), int(trace.source_line[row]),
        break_of(context, row) if with_break else None,
        tuple(_parts(context, row)) if with_parts else (),
    )  # fmt: skip


def _name(trace: Trace, column: str, row: int) -> str:
    found = trace.dims[column]
    return clean(masked(found.values[found.codes[row]]))


def break_of(context: AuditContext, row: int) -> Break | None:
    """Where the call leaves the one before it; None where it goes on from it, or there is none."""
    trace, line = context.trace, lineage(context)
    before, use = int(line.previous[row]), int(line.same_uses[row])
    if before < 0:
        return None
    new, old = trace.request.row(row), trace.request.row(before)
    if use >= min(len(new), len(old)):
        return None
    kinds = [SegmentKind(int(trace.segments.kind[s])) for s in (old[use], new[use])]
    moved = bool(np.isin(new[use], old)) or bool(np.isin(old[use], new))
    found = None
    if kinds[0] == kinds[1] and not moved:
        texts = context.texts.get([int(old[use]), int(new[use])])
        if texts[0] is not None and texts[1] is not None and texts[0] != texts[1]:
            found = difference(texts[0], texts[1])
    kind = kinds[1].name.lower().replace("_", " ")
    return Break(clean(trace.id[before]), use + 1, kind, found)


def _parts(context: AuditContext, row: int) -> list[Part]:
    """Every dollar of the call once: hidden prefix, segments, answer, reasoning, fees."""
    at, trace = context.attribution, context.trace
    parts = [
        Part("hidden prefix" if trace.has_content[row] else "input without text", "",
             int(at.hidden_tokens[row]), int(at.hidden_cached_tokens[row]), bool(trace.step[row] > 1),
             PicoUsd(int(at.hidden_pusd[row])), "")
    ]  # fmt: skip
    block = trace.request
    uses = range(int(block.offsets[row]), int(block.offsets[row + 1]))
    texts = context.texts.get(block.row(row))
    parts += [
        Part(_kind(trace, int(block.ids[u])), _tool(trace, int(block.ids[u])), int(at.use_tokens[u]),
             int(at.use_cached_tokens[u]), bool(at.use_resent[u]), PicoUsd(int(at.use_pusd[u])),
             shown_text(text))
        for u, text in zip(uses, texts, strict=True)
    ]  # fmt: skip
    answer = trace.response
    uses = range(int(answer.offsets[row]), int(answer.offsets[row + 1]))
    texts = context.texts.get(answer.row(row))
    parts += [
        Part("answer", _tool(trace, int(answer.ids[u])), int(at.out_tokens[u]), 0, False,
             PicoUsd(int(at.out_pusd[u])), shown_text(text))
        for u, text in zip(uses, texts, strict=True)
    ]  # fmt: skip
    rest = (("answer not in the log", at.out_other_pusd), ("reasoning", at.reasoning_pusd),
            ("fees", at.fee_pusd))  # fmt: skip
    parts += [Part(what, "", 0, 0, False, PicoUsd(int(p[row])), "") for what, p in rest]
    return [p for p in parts if p.tokens or p.pusd or p.text]


def _kind(trace: Trace, segment: int) -> str:
    return SegmentKind(int(trace.segments.kind[segment])).name.lower().replace("_", " ")


def _tool(trace: Trace, segment: int) -> str:
    name = trace.segments.name
    return clean(masked(name.values[int(name.codes[segment])]))


def shown_text(text: str | None) -> str:
    """The beginning of a segment's text: secrets masked before it is cut, controls made visible."""
    if not text:
        return ""
    safe = clean(masked(text[:TEXT_READ]))
    return safe if len(safe) <= TEXT_COLUMNS else safe[:TEXT_COLUMNS] + "…"
