"""What proves a finding, as lines of a terminal and as JSON. Colour is never needed to read it."""

from __future__ import annotations

import datetime as dt
from typing import Any

from costopt.findings.proof import Break, CallProof, Part, Proof
from costopt.model.escape import clean, fit, pad, width_of
from costopt.money import show, usd_float
from costopt.report.render.screen import plural, spread, wrap

SCHEMA = "costopt.show/1"
MOST_PARTS = 40
"""Parts of a call on a screen: the first and the last ones; --json has all."""


def evidence_lines(proof: Proof, width: int = 80) -> list[str]:
    """The finding with its dollars, its calls, where they broke, and the fix last."""
    if proof.finding is None:
        return _call_screen(proof, width)
    finding = proof.finding
    calls = len(finding.calls)
    lines = wrap(f"{proof.id}  {finding.title}", width, "    ")
    lines += [f"    {line}" for line in wrap(_worth(proof), width - 4)]
    lines += [
        "",
        *wrap(
            f"{plural(calls, 'call')} in {plural(proof.sessions, 'session')}; those with most at"
            " stake, and what each cost:",
            width,
        ),
        "",
    ]
    for call in proof.calls:
        lines += [*_call_lines(call, width), ""]
    numbers = [
        f"{_words(k)} {v}" for k, v in finding.evidence.items() if k not in ("before", "after")
    ]
    if numbers:
        lines += [*wrap(" · ".join(numbers), width, "  "), ""]
    lines += wrap(f"Fix   {finding.fix}", width, "      ")
    more = f"costopt explain {finding.name}"
    if finding.layer:
        text = (
            f"Layer {finding.layer} does it: costopt simulate says what it saves and at what risk."
        )
        lines += wrap(text, width, "      ")
        more += f"  ·  costopt explain {finding.layer}"
    return lines + wrap(f"Next  {more}", width, "      ")


def _worth(proof: Proof) -> str:
    finding = proof.finding
    if finding is None:
        return ""
    text = f"worth up to {show(finding.usd)}" if finding.usd else "no direct saving, or not known"
    if finding.usd and proof.bill_pusd:
        text += f" of {show(proof.bill_pusd)}, {100 * finding.usd / proof.bill_pusd:.1f} %"
    if finding.estimated:
        text += " (a hint, not measured)"
    if finding.already_saved:
        text += f"; the provider's cache has already saved {show(finding.already_saved)}"
    return text


def _call_screen(proof: Proof, width: int) -> list[str]:
    call = proof.calls[0]
    lines = [*_call_lines(call, width), ""]
    parts = list(call.parts)
    hidden = len(parts) - MOST_PARTS
    if hidden > 0:
        parts = parts[: MOST_PARTS // 2] + parts[-MOST_PARTS // 2 :]
    lines.append(_part_row("part", "tokens", "cached", "", "usd", "", width))
    for number, part in enumerate(parts):
        if hidden > 0 and number == MOST_PARTS // 2:
            lines.append(f"  … {plural(hidden, 'more part')} (--json)")
        lines.append(_part_line(part, width))
    if proof.named_by:
        lines += ["", *(fit(f"{id}  {title}", width) for id, title in proof.named_by)]
    return lines


def _part_line(part: Part, width: int) -> str:
    name = f"{part.what} {part.tool}".strip()
    sent = "again" if part.resent else "new"
    return _part_row(
        name,
        f"{part.tokens:,}",
        f"{part.cached_tokens:,}",
        sent,
        show(part.pusd, 6),
        part.text,
        width,
    )


def _part_row(
    name: str, tokens: str, cached: str, sent: str, usd: str, text: str, width: int
) -> str:
    left = f"{pad(name, 22)} {tokens:>9} {cached:>9} {sent:<5} {usd:>12}"
    return fit(f"{left}  {text}", width).rstrip()


def _call_lines(call: CallProof, width: int) -> list[str]:
    amount = "price not known" if call.pusd is None else show(call.pusd, 6)
    lines = [spread(f"  {call.id or '(no id)'}", amount, width)]
    when = "" if call.at_us is None else _iso(call.at_us)
    session = f"session {call.session}, step {call.step}" if call.session else ""
    place = (
        f"{call.source_file}:{call.source_line}" if call.source_file else f"line {call.source_line}"
    )
    tokens = (f"{call.input_tokens:,} in ({call.cached_tokens:,} cached), {call.output_tokens:,} out"
              + ("" if call.usage == "reported" else f" ({call.usage})"))  # fmt: skip
    rows = [
        " · ".join(p for p in (call.agent, call.model, tokens) if p),
        " · ".join(p for p in (session, when) if p),
        place,
    ]
    lines += [f"    {line}" for row in rows if row for line in wrap(row, width - 4, "  ")]
    if call.broken:
        lines += _break_lines(call.broken, width)
    return lines


def _break_lines(broken: Break, width: int) -> list[str]:
    what = f"segment {broken.segment_number} ({broken.segment_kind})"
    against = f"the call before, {broken.against or 'without an id'}"
    found = broken.difference
    if found is None:
        return [f"    {line}" for line in wrap(f"leaves {against}, at {what}", width - 4, "  ")]
    head = f"first differs from {against}, at {what}, byte {found.byte:,}: {found.kind}"
    lines = [f"    {line}" for line in wrap(head, width - 4, "  ")]
    for label, text in (("before", found.before), ("now", found.after)):
        line = f"    {label:<7}{fit(text, width - 11)}"
        lines.append(line)
        at = line.find("⟦")
        if at >= 0:
            lines.append(" " * width_of(line[: at + 1]) + "^")
    return lines


def _words(name: str) -> str:
    return clean(name.replace("_", " "))


def _iso(at_us: int) -> str:
    moment = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=at_us)
    return moment.isoformat().replace("+00:00", "Z")


def evidence_json(proof: Proof) -> str:
    """The same as JSON, with all parts of a call."""
    import orjson

    document: dict[str, Any] = {"schema": SCHEMA, "id": proof.id}
    if proof.finding is not None:
        f = proof.finding
        document["finding"] = {
            "name": f.name, "title": f.title, "usd": usd_float(f.usd), "fix": f.fix,
            "layer": f.layer, "already_saved_usd": usd_float(f.already_saved),
            "estimated": f.estimated, "calls": len(f.calls), "sessions": proof.sessions,
            "evidence": f.evidence,
        }  # fmt: skip
    document["calls"] = [_call_json(call) for call in proof.calls]
    document["named_by"] = [{"id": id, "title": title} for id, title in proof.named_by]
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY).decode()


def _call_json(call: CallProof) -> dict[str, Any]:
    broken = call.broken
    found = broken.difference if broken else None
    return {
        "id": call.id, "session_id": call.session or None,
        "timestamp": None if call.at_us is None else _iso(call.at_us),
        "provider": call.provider, "model": call.model, "agent": call.agent, "step": call.step,
        "usd": None if call.pusd is None else usd_float(call.pusd),
        "input_tokens": call.input_tokens, "cache_read": call.cached_tokens,
        "output_tokens": call.output_tokens, "usage": call.usage,
        "source_file": call.source_file, "source_line": call.source_line,
        "break": None if broken is None else {
            "against": broken.against, "segment_number": broken.segment_number,
            "segment_kind": broken.segment_kind, "kind": found.kind if found else None,
            "byte": found.byte if found else None, "before": found.before if found else None,
            "after": found.after if found else None,
        },
        "parts": [
            {"what": p.what, "tool": p.tool, "tokens": p.tokens, "cached_tokens": p.cached_tokens,
             "resent": p.resent, "usd": usd_float(p.pusd), "text": p.text}
            for p in call.parts
        ],
    }  # fmt: skip
