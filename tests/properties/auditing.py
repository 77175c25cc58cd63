"""The whole audit in this process, without a file of its own, and what must hold of any of them."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from costopt.billing.breakdown import breakdown
from costopt.billing.where import STANDARD, component_cells, standard_breakdowns
from costopt.model.bill import Bill
from costopt.model.call import UsageState
from costopt.model.trace import Trace
from costopt.money import exact_sum, usd_float
from costopt.report.ledger.columns import ledger_table
from costopt.report.render.checklist import checklist_lines
from costopt.report.render.html import html_report
from costopt.report.render.json import read_result, result_json
from costopt.report.render.markdown import markdown_report
from costopt.report.render.terminal import audit_screen
from costopt.wiring.auditing import Audited, audit
from costopt.wiring.request import TraceOptions

UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""What may move a cursor or turn what is read around; tabs and line ends are the screens' own."""
_MAY_BE_NEGATIVE = ("diff_usd", "residual_pp", "heldout_residual_pp", "max_abs_diff_usd")


@contextmanager
def audited(*paths: Path | str, **options: Any) -> Iterator[Audited]:
    """The audit of these paths, its store in memory."""
    told = TraceOptions(
        traces=[str(p) for p in paths], no_store=True, quiet=True, offline=True, **options
    )
    done = audit(told, [])
    try:
        yield done
    finally:
        done.reading.store.close()


def ledger_total(trace: Trace, bill: Bill) -> Decimal:
    """Dollars of the ledger's rows, summed as decimals."""
    column = ledger_table(trace, bill)["usd"].to_pylist()
    return sum((Decimal(x) for x in column if x is not None), Decimal(0))


def check(done: Audited) -> None:
    """Everything that holds of every audit, whatever was read."""
    _records(done)
    _amounts(done.context.trace, done.context.bill)
    _parts(done)
    _screens(done)


def _records(done: Audited) -> None:
    for file in done.result.trace.files:
        told = file.accepted + file.duplicates + file.rejected + file.skipped
        assert file.records == told, file
        assert min(file.accepted, file.duplicates, file.rejected, file.skipped) >= 0, file
    full = done.reading.full
    assert sum(f.accepted for f in done.result.trace.files) == full.n


def _amounts(trace: Trace, bill: Bill) -> None:
    for amounts in (bill.leaf_pusd, bill.fee_pusd, bill.list_pusd, bill.net_pusd, trace.leaves,
                    trace.recorded_pusd, trace.web_searches):  # fmt: skip
        assert (amounts >= 0).all()
    assert (bill.leaf_pusd.sum(axis=1) + bill.fee_pusd == bill.list_pusd).all()
    missing = trace.usage_state == UsageState.MISSING
    assert not trace.leaves[missing].any()
    assert not bill.net_pusd[~bill.priced].any()
    assert sum(int(n) for n in bill.net_pusd) == bill.total_pusd
    assert (trace.leaves.sum(axis=1) == trace.input_tokens + trace.output_tokens).all()


def _parts(done: Audited) -> None:
    context = done.context
    total = context.bill.total_pusd
    assert ledger_total(context.trace, context.bill) * 10**12 == total
    assert sum(int(s.usd_pico) for s in done.result.sessions) == total
    attribution = context.attribution
    for dims in STANDARD.values():
        rows = breakdown(context.trace, context.bill, attribution, dims)
        assert sum(row.pusd for row in rows) == total, dims
    cells = component_cells(context.trace, context.bill, attribution)
    assert sum(cell.pusd for cell in cells) == total
    assert all(min(c.pusd, c.cached_pusd, c.tokens, c.cached_tokens) >= 0 for c in cells)
    shown = standard_breakdowns(context.trace, context.bill, attribution)["paid_for"]
    assert abs(math.fsum(r["usd"] for r in shown) - usd_float(total)) <= 1e-9
    for _, finding in done.findings:
        assert 0 <= finding.usd <= exact_sum(context.bill.list_pusd) or finding.estimated


def _screens(done: Audited) -> None:
    text = result_json(done.result)
    told = json.loads(text, parse_constant=_refuse)
    for part in ("checklist", "advice", "projection"):  # what would cost more says so below zero
        told.pop(part)
    _finite(told, "")
    assert result_json(read_result(text.encode(), "x")) == text
    for lines in (audit_screen(done.result, 80, 1.0), checklist_lines(done.result)):
        _inert("\n".join(lines))
    _inert(markdown_report(done.result))
    _inert(html_report(done.result))


def _inert(shown: str) -> None:
    found = UNSAFE.search(shown)
    assert found is None, shown[max(0, found.start() - 60) : found.end() + 20].encode(
        "unicode_escape"
    )
    shown.encode()


def _refuse(name: str) -> Any:
    raise AssertionError(f"{name} in the result")


def _finite(value: Any, name: str) -> None:
    """No NaN, and no dollar, token or call below zero."""
    if isinstance(value, dict):
        for key, inner in value.items():
            _finite(inner, key)
    elif isinstance(value, list):
        for inner in value:
            _finite(inner, name)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        counts = name.endswith(("usd", "tokens", "calls")) or name in ("input", "output", "records")
        assert not counts or name in _MAY_BE_NEGATIVE or value >= 0, (name, value)
