"""`costopt reconcile INVOICE [TRACES]`: the bill against an invoice, to the cent."""

from __future__ import annotations

import shutil
from typing import Annotated

import typer

from costopt.cli.options import reads_traces
from costopt.wiring.request import TraceOptions


@reads_traces
def reconcile(
    options: TraceOptions,
    *,
    tolerance: Annotated[str, typer.Option(help="Allowed difference, as 1% or 0.01.")] = "1%",
    fx: Annotated[
        str | None, typer.Option(help="Units of the invoice's currency for one US dollar.")
    ] = None,
) -> None:
    """The bill against an invoice or usage export, in rows that sum to the cent.

    The first of TRACES is the invoice, the others the log it should match.
    Exit 3 where the log's bill is further from the invoice's usage than --tolerance.
    """
    from costopt.errors import GateFailed, UsageError
    from costopt.report.render.reconciliation import reconciliation_json, reconciliation_lines
    from costopt.wiring.invoicing import reconcile_with, share_of

    if not options.traces:
        raise UsageError("no invoice given.", hint="costopt reconcile invoice.csv traces.jsonl")
    allowed = share_of(tolerance)
    found, invoice = reconcile_with(options, fx)
    if options.json:
        typer.echo(reconciliation_json(found, invoice))
    else:
        width = shutil.get_terminal_size((80, 40)).columns
        for line in reconciliation_lines(found, invoice, width):
            typer.echo(line)
    if found.off_share > allowed:
        raise GateFailed(
            f"the log's bill is {100 * found.off_share:.2f} % from the invoice's usage,"
            f" more than {tolerance}."
        )
