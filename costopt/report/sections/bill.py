"""The bill: what was paid, what the log says, what is not in it."""

from __future__ import annotations

from costopt.model.result import Result
from costopt.report.card import Card, Cell, Fact, Table
from costopt.report.words import dollars, percent, plural, total_text

ORDER = 10
ESTIMATED = " estimated"


def build(result: Result) -> Card:
    """Totals, tokens and the reconciliation with recorded costs."""
    bill, trace = result.bill, result.trace
    lead = f"{plural(trace.calls, 'call')} at the list prices of their own dates."
    if bill.discount_usd:
        lead = (
            f"{plural(trace.calls, 'call')} at the prices of their own dates, less your discounts."
        )
    tables = [_dollars(result), _tokens(result)]
    groups = bill.reconciliation.groups
    if groups:
        differences: list[tuple[Cell, ...]] = [(g.cause, g.calls, g.diff_usd) for g in groups]
        total = sum(g.calls for g in groups), bill.reconciliation.diff_usd
        tables.append(
            Table(
                "Where the log's cost differs from the price book",
                ("likely cause", "calls", "recorded minus computed"),
                ("text", "count", "usd"),
                differences,
                ("all", *total),
            )
        )
    return Card("bill", "The bill", lead, facts=_facts(result), tables=tables, notes=_notes(result))


def _facts(result: Result) -> list[Fact]:
    bill, trace, cache = result.bill, result.trace, result.prompt_cache
    whole = total_text(result)
    facts = [Fact("bill", whole.removesuffix(ESTIMATED), "estimated" if ESTIMATED in whole else "")]
    if trace.sessions_known and trace.sessions and bill.total_usd:
        per = bill.per_session_usd
        note = f"P95 {dollars(per.p95)}, dearest {dollars(per.max)}"
        facts.append(Fact("a session", dollars(per.mean), note))
    if cache.recorded_share is not None:
        ideal = cache.ideal_share
        note = "" if ideal is None else f"{100 * ideal:.0f} % was sent before"
        facts.append(Fact("input from cache", f"{100 * cache.recorded_share:.0f} %", note))
    if result.findings:
        best = max(result.findings, key=lambda f: (not f.estimated, f.usd))
        share = percent(best.usd, bill.total_usd)
        facts.append(Fact("largest finding", dollars(best.usd), f"{best.id}, {share} of the bill"))
    return facts


def _dollars(result: Result) -> Table:
    bill = result.bill
    known: Cell = "unknown" if total_text(result) == "unknown" else bill.total_usd
    rows: list[tuple[Cell, ...]] = [("The bill at each call's own date", known)]
    if bill.discount_usd:
        rows.append(("  at list prices", bill.list_usd))
        rows.append(("  your discounts", -bill.discount_usd))
    if bill.estimated_calls:
        word = "  of it" if bill.estimated_in_bill else "Beside it,"
        rows.append((f"{word} from tokens counted in the text", bill.estimated_usd))
    if bill.recorded_usd is not None:
        count = f"{bill.reconciliation.compared:,} calls"
        rows.append((f"What the log itself records, on {count}", bill.recorded_usd))
    if bill.subscription_usd:
        rows.append(("Seats: API-equivalent, not in the bill", bill.subscription_usd))
    for own in bill.self_hosted:
        rows.append((f"Own GPUs of {own['model']}, {own['gpus']} for {own['hours']:,.4g} hours",
                     own["usd"]))  # fmt: skip
        if own["idle_usd"] is not None:
            rows.append(("  at work, in the bill", own["busy_usd"]))
            rows.append(("  idle, beside the bill", own["idle_usd"]))
    return Table("Dollars", ("what", "dollars"), ("text", "usd"), rows)


def _tokens(result: Result) -> Table:
    tokens = result.bill.tokens
    counts: list[tuple[Cell, ...]] = [
        ("input", tokens.input),
        ("  fresh", tokens.input_fresh),
        ("  read from the provider's cache", tokens.input_cache_read),
        ("  written to the provider's cache", tokens.input_cache_write),
        ("output", tokens.output),
        ("  reasoning", tokens.output_reasoning),
    ]
    return Table("Tokens", ("what", "tokens"), ("text", "count"), counts)


def _notes(result: Result) -> list[str]:
    bill = result.bill
    notes = []
    if bill.unpriced_calls:
        models = ", ".join(bill.unpriced_models)
        calls = plural(bill.unpriced_calls, "call")
        notes.append(f"Not in the bill, no price: {calls} ({models}). See `costopt prices check`.")
    silent = bill.missing_usage_calls + (0 if bill.estimated_in_bill else bill.estimated_calls)
    if silent:
        calls = plural(silent, "call")
        note = f"Not in the bill, no usage in the log: {calls}."
        if bill.missing_usd_range:
            low, high = bill.missing_usd_range
            note += f" Between {dollars(low)} and {dollars(high)}."
        notes.append(note)
    return notes
