"""`costopt calls TRACES|--db F --out calls.csv|.parquet|.jsonl`: the ledger, one row a call."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from costopt.cli.options import reads_traces
from costopt.wiring.request import TraceOptions


@reads_traces
def calls(
    options: TraceOptions,
    *,
    out: Annotated[
        Path,
        typer.Option("--out", "-o", help="A .csv, .parquet or .jsonl file; - is CSV on stdout."),
    ] = Path("-"),
    focus: Annotated[bool, typer.Option(help="FOCUS 1.2 columns instead of our own.")] = False,
) -> None:
    """The ledger: one row a call with its tokens, exact dollars and names."""
    import orjson

    from costopt.errors import UsageError
    from costopt.money import usd_text
    from costopt.report.ledger.columns import ledger_table
    from costopt.report.ledger.focus import focus_table
    from costopt.report.ledger.write import check_ending, write_table
    from costopt.wiring.ledger import priced
    from costopt.wiring.reading import tell

    if options.json and str(out) == "-":
        raise UsageError("--json and the ledger both want stdout.", hint="--out calls.csv")
    check_ending(out)
    found = priced(options)
    trace, bill = found.trace, found.bill
    write_table(focus_table(trace, bill) if focus else ledger_table(trace, bill), out)
    found.reading.store.close()
    unknown = int((~bill.priced).sum())
    total = usd_text(bill.total_pusd)
    if options.json:
        told = {"schema": "costopt.calls/1", "out": str(out), "dataset": found.reading.dataset,
                "calls": trace.n, "without_dollars": unknown, "total_usd": total}  # fmt: skip
        typer.echo(orjson.dumps(told).decode())
    elif str(out) != "-":
        rest = f"; {unknown:,} calls of unknown cost" if unknown else ""
        tell(f"wrote {out}: {trace.n:,} calls, ${total}{rest}", quiet=options.quiet)
