"""Parts of the result that come straight from the trace: what was read, tokens, sessions, coverage."""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import Literal

import numpy as np

from costopt.billing.context import AuditContext
from costopt.billing.segment_counts import group_sums, readable
from costopt.model.call import CallStatus, UsageState
from costopt.model.finding import CheckResult, Finding
from costopt.model.leaf import CACHE_WRITES, Leaf
from costopt.model.result import (
    ChecklistItem,
    Coverage,
    FileInfo,
    FindingItem,
    SessionInfo,
    Tokens,
    TraceInfo,
)
from costopt.model.trace import Trace
from costopt.money import exact_group_sum, usd_float

DAY_US = 86_400_000_000
MAX_SESSIONS = 50_000
"""Above this a result carries a seeded sample of sessions (and exact totals)."""
CALLS_SHOWN = 3
CONTENT_SETTING = {
    "litellm": "LiteLLM: general_settings.store_prompts_in_spend_logs: true.",
    "langsmith": "LangSmith: unset LANGSMITH_HIDE_INPUTS and LANGSMITH_HIDE_OUTPUTS.",
    "langfuse": "Langfuse: export observations with their input and output.",
    "helicone": "Helicone: drop the Helicone-Omit-Request and -Response headers.",
}
"""By format: the setting that adds the text. https://docs.litellm.ai/docs/proxy/ui_logs,
https://docs.langchain.com/langsmith/mask-inputs-outputs and
https://docs.helicone.ai/features/advanced-usage/omit-logs, checked 2026-11-24."""


def iso(at_us: int) -> str:
    """UTC ISO 8601 with microseconds only where there are any."""
    moment = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=at_us)
    return moment.isoformat().replace("+00:00", "Z")


def trace_info(trace: Trace) -> TraceInfo:
    """What was read, file by file."""
    files = [
        FileInfo(f.path, f.format, f.records, f.accepted, f.rejected, f.duplicates, f.skipped)
        for f in trace.files
    ]
    times = trace.at_us[trace.has_time]
    return TraceInfo(
        files,
        calls=int(trace.requests.sum()),
        sessions=len(np.unique(trace.session[trace.session_known])) if trace.n else 0,
        first_at=iso(int(times.min())) if times.size else None,
        last_at=iso(int(times.max())) if times.size else None,
        rejected=sum(f.rejected for f in files),
        duplicates=sum(f.duplicates for f in files),
        skipped=sum(f.skipped for f in files),
        sessions_known=bool(trace.session_known.any()),
    )


def tokens(trace: Trace) -> Tokens:
    """Sums over calls that the provider served; a gateway's own hits are not among them."""
    served = trace.status != CallStatus.GATEWAY_HIT
    leaves = trace.billed_leaves[served].sum(axis=0)
    return Tokens(
        input=int(trace.billed_tokens[0][served].sum()),
        input_fresh=int(leaves[[Leaf.INPUT_FRESH, Leaf.INPUT_AUDIO, Leaf.INPUT_IMAGE]].sum()),
        input_cache_read=int(leaves[[Leaf.CACHE_READ, Leaf.CACHE_READ_AUDIO]].sum()),
        input_cache_write=int(leaves[CACHE_WRITES].sum()),
        output=int(trace.billed_tokens[2][served].sum()),
        output_reasoning=int(leaves[Leaf.OUTPUT_REASONING]),
    )


def session_key(name: str) -> str:
    """The same key for the same session in any result, without the log's own id in it."""
    return hashlib.blake2b(
        name.encode(errors="surrogatepass"), digest_size=12, key=b"costopt"
    ).hexdigest()


def sessions(context: AuditContext, seed: int) -> tuple[list[SessionInfo], bool]:
    """One row a session, in order of first call; a seeded sample above MAX_SESSIONS."""
    trace, count = context.trace, len(context.trace.sessions)
    if not count:
        return [], False
    usd = exact_group_sum(context.bill.net_pusd, trace.session, count)
    calls = group_sums(trace.requests, trace.session, count)
    inputs = group_sums(trace.billed_tokens[0], trace.session, count)
    outputs = group_sums(trace.billed_tokens[2], trace.session, count)
    first = np.full(count, trace.n, np.int64)
    np.minimum.at(first, trace.session, np.arange(trace.n))
    chosen = np.arange(count)
    if count > MAX_SESSIONS:
        chosen = np.sort(np.random.default_rng(seed).choice(count, MAX_SESSIONS, replace=False))
    agent, task = trace.dims["agent"], trace.dims["task"]
    rows = [
        SessionInfo(
            session_key(trace.sessions[s]), task.values[task.codes[row]],
            agent.values[agent.codes[row]], int(calls[s]), int(inputs[s]), int(outputs[s]),
            str(usd[s]), iso(int(trace.at_us[row])) if trace.has_time[row] else None,
        )
        for s, row in ((int(s), int(first[s])) for s in chosen) if row < trace.n
    ]  # fmt: skip
    return rows, count > MAX_SESSIONS


def coverage(context: AuditContext, token_label: str) -> Coverage:
    """What the log can and cannot show, with the setting that would show more."""
    trace = context.trace
    share = float(readable(trace).mean()) if trace.n else 0.0
    content: Literal["full", "partial", "none"] = "partial"
    if share == 0:
        content = "none"
    elif share == 1 and not _without_text(trace):
        content = "full"
    times = trace.at_us[trace.has_time]
    days = float(times.max() - times.min()) / DAY_US if times.size else None
    return Coverage(
        content, days, trace.sample_rate, None, share, token_label, _notes(trace, share)
    )


def _without_text(trace: Trace) -> bool:
    """The blocks of requests are known by kind, hash and length, but no text was kept."""
    return len(trace.segments) > 0 and not trace.segments.has_text.any()


def _notes(trace: Trace, share: float) -> list[str]:
    notes = []
    if trace.n and share < 1:
        notes.append(_no_text(trace, share))
    elif trace.n and _without_text(trace):
        notes.append("Texts were not kept: parts are judged by their hashes and lengths alone.")
    if trace.n and not trace.session_known.any():
        notes.append("No session ids: context growth, resent history and loops are not judged.")
    if trace.n and not trace.has_time.all():
        notes.append("Calls without a time are priced with the book of --as-of.")
    if (trace.usage_state == UsageState.MISSING).any():
        notes.append(
            "Calls without usage: turn on usage in streams (stream_options.include_usage)."
        )
    if trace.sample_rate is not None and trace.sample_rate < 1:
        notes.append(
            f"The log holds {100 * trace.sample_rate:g} % of the calls; the bill is of those."
        )
    return notes


def _no_text(trace: Trace, share: float) -> str:
    """What a log without text still shows, and the one setting that adds the text."""
    formats = {f.format for f in trace.files}
    settings = [text for name, text in CONTENT_SETTING.items() if name in formats]
    setting = settings[0] if settings else "Turn on prompt logging in the tool that wrote the log."
    judged = "The bill, models, agents, sessions and the cached share are judged; parts of requests"
    if share > 0:
        return f"{100 * (1 - share):.0f} % of calls carry no text: their parts are not judged. {setting}"
    return f"No text in the log. {judged} are not. {setting}"


def finding_items(context: AuditContext, findings: list[tuple[str, Finding]]) -> list[FindingItem]:
    """Findings with their ids, in order."""
    total = int(context.total_pusd)
    trace = context.trace
    return [
        FindingItem(
            id, f.name, f.title, usd_float(f.usd), f.usd / total if total else None,
            len(f.calls), len(np.unique(trace.session[f.calls])), f.fix, f.layer,
            usd_float(f.already_saved), f.estimated, f.evidence,
            [trace.id[i] for i in f.calls[:CALLS_SHOWN].tolist()],
        )
        for id, f in findings
    ]  # fmt: skip


def checklist_items(results: list[CheckResult]) -> list[ChecklistItem]:
    """Checks as the result carries them."""
    return [
        ChecklistItem(
            c.id, c.name, c.title, c.status.value, c.value, c.target,
            None if c.usd is None else usd_float(c.usd), c.evidence, c.fix, c.usd_basis,
        )
        for c in results
    ]  # fmt: skip
