"""`costopt selfhost predict|calibrate`: what a server of one's own would do, and what one really does."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    no_args_is_help=True,
    help="Rent GPUs? predict answers operating points, calibrate fits a running server.",
)


@app.callback()
def _root() -> None:
    """Latency and throughput of a server of one's own, simulated; its constants from a running one."""


@app.command()
def predict(
    rows: Annotated[Path, typer.Option(help="CSV of operating points; - for stdin.")],
    out: Annotated[Path, typer.Option(help="The same rows, answered; - for stdout.")] = Path("-"),
    model_config: Annotated[
        list[str] | None,
        typer.Option(help="config.json of a model that is in no data file; repeat.",
                     metavar="[NAME=]PATH"),
    ] = None,
    efficiencies: Annotated[
        str, typer.Option(help="Constants: shipped, or the name of a calibrated profile.")
    ] = "shipped",
    json: Annotated[bool, typer.Option("--json", help="JSON alone on stdout.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no hints.")] = False,
) -> None:  # fmt: skip
    """Simulate each row: TTFT, TPOT and throughput, or why it cannot run.

    Columns: model, gpu, engine, precision, input_tokens, output_tokens, tensor_parallel,
    expert_parallel, concurrency (so many requests always in flight).
    """
    from costopt.wiring.progress import progress_for
    from costopt.wiring.reading import tell
    from costopt.wiring.request import TraceOptions
    from costopt.wiring.selfhosting.csv_rows import write_sheet
    from costopt.wiring.selfhosting.predicting import predict_file

    progress = progress_for(TraceOptions(quiet=quiet))
    found = predict_file(rows, model_config or [], efficiencies, progress=progress)
    if json:
        import json as writer

        body = {"schema": "costopt.selfhost_predict/1", "rows": found.rows}
        typer.echo(writer.dumps(body, indent=1, allow_nan=False))
    if not json or str(out) != "-":
        write_sheet(out, found.columns, found.rows)
    for note in found.notes:
        tell(note, quiet=quiet)
    refused = len(found.rows) - found.fitting
    said = f"{len(found.rows):,} rows: {found.fitting:,} answered"
    tell(said + (f", {refused:,} cannot run (see note)" if refused else ""), quiet=quiet)
