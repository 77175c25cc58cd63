"""`costopt ingest TRACES --db F`: read into a ledger; what stands there already adds nothing."""

from __future__ import annotations

from typing import Annotated

import typer

from costopt.cli.options import reads_traces
from costopt.wiring.request import TraceOptions


@reads_traces
def ingest(
    options: TraceOptions,
    *,
    dataset: Annotated[
        str, typer.Option(help="Data set that the calls join; sets never mix.")
    ] = "ingested",
) -> None:
    """Read into a ledger. Again, or from another file, the same call adds nothing."""
    from costopt.wiring.ingesting import ingest_into, summary_json, summary_lines

    summary, place = ingest_into(options, dataset)
    if options.json:
        typer.echo(summary_json(summary, place))
    elif not options.quiet:
        for line in summary_lines(summary, place):
            typer.echo(line)
