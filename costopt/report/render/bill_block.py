"""The bill on the first screen: its total, what the log says, and what is not in it."""

from __future__ import annotations

from costopt.model.result import Result
from costopt.report.render.screen import dollars, places_for, plural, wrap
from costopt.report.words import total_text


def bill_block(result: Result, width: int) -> list[str]:
    """The bill, what the log says, and what is beside or not in it."""
    bill, trace = result.bill, result.trace
    per = bill.per_session_usd
    line = f"  BILL  {total_text(result)}"
    if trace.sessions_known and trace.sessions and bill.total_usd:
        line += f"     {dollars(per.mean)} a session · P95 {dollars(per.p95)}"
        line += f" · dearest {dollars(per.max)}"
    lines = wrap(line.strip(), width - 2, "  ")
    lines = ["  " + part for part in lines]
    lines += [part for text in _own_prices(result) for part in _indented(text, width)]
    lines += _recorded(result, width)
    lines += _not_in_bill(result, width)
    if result.coverage.invoice_share is None:
        hint = "Invoice: not given. costopt reconcile INVOICE shows what the logs don't cover."
        lines += _indented(hint, width)
    return lines


def _indented(text: str, width: int) -> list[str]:
    return ["  " + part for part in wrap(text, width - 2, "  ")]


def _own_prices(result: Result) -> list[str]:
    """What the user's own price file changes beside the calls: discounts, and GPUs of one's own."""
    bill = result.bill
    places = places_for(bill.total_usd)
    texts = []
    if bill.discount_usd:
        off, whole = dollars(bill.discount_usd, places), dollars(bill.list_usd, places)
        texts.append(f"List price {whole}, your discounts {off}")
    for own in bill.self_hosted:
        text = f"Own GPUs of {own['model']}: {dollars(own['usd'])} for {own['hours']:g} hours"
        if own["idle_usd"] is None:
            text += ": without latencies in the log all of it is in the bill"
        else:
            text += f", of which {dollars(own['idle_usd'])} idle and not in the bill"
        texts.append(text)
    return texts


def _recorded(result: Result, width: int) -> list[str]:
    bill = result.bill
    found = bill.reconciliation
    if bill.recorded_usd is None or not found.compared:
        return []
    if found.equal == found.compared:
        text = (
            f"Your log says the same on all {plural(found.compared, 'call')} that record a cost:"
            f" {dollars(bill.recorded_usd, places_for(bill.total_usd))}"
        )
    else:
        sign = "+" if found.diff_usd >= 0 else "-"
        places = places_for(bill.total_usd)
        recorded, off = dollars(bill.recorded_usd, places), dollars(abs(found.diff_usd), places)
        some = (
            "" if found.compared >= result.trace.calls else f" on {plural(found.compared, 'call')}"
        )
        text = f"Your log says {recorded}{some}: {sign}{off}"
        groups = found.groups[:2]
        if groups:
            text += ", " + "; ".join(f"{g.cause}, {plural(g.calls, 'call')}" for g in groups)
    return _indented(text, width)


def _not_in_bill(result: Result, width: int) -> list[str]:
    bill = result.bill
    texts = []
    if bill.unpriced_calls:
        models = ", ".join(bill.unpriced_models[:3])
        texts.append(
            f"Not in the bill: {plural(bill.unpriced_calls, 'call')} without a price"
            f" ({models}): costopt prices check"
        )
    silent = bill.missing_usage_calls + (0 if bill.estimated_in_bill else bill.estimated_calls)
    if silent:
        text = f"Not in the bill: {plural(silent, 'call')} without usage"
        if bill.missing_usd_range:
            low, high = bill.missing_usd_range
            text += f" (by their text {dollars(low)} to {dollars(high)})"
        texts.append(text)
    if bill.estimated_calls and bill.estimated_in_bill:
        texts.append(
            "The log reports no usage: the bill is an estimate from the text of"
            f" {plural(bill.estimated_calls, 'call')}"
        )
    if bill.subscription_usd:
        texts.append(f"Seats, not in the bill: {dollars(bill.subscription_usd)} API-equivalent")
    return [part for text in texts for part in _indented(text, width)]
