"""`costopt checklist TRACES [--evidence PATH]`: ten pieces of advice, tested on your own trace."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from costopt.cli.options import reads_traces
from costopt.wiring.request import TraceOptions


@reads_traces
def checklist(
    options: TraceOptions,
    *,
    evidence: Annotated[
        list[Path] | None,
        typer.Option(
            help="LiteLLM config, vLLM arguments, Prometheus rules, Grafana JSON; repeat."
        ),
    ] = None,
) -> None:
    """The ten-item checklist: pass, fail, harmful, unknown, with dollars and the fix."""
    from costopt.report.render.checklist import checklist_lines
    from costopt.report.render.json import result_json
    from costopt.wiring.auditing import audit as run

    result = run(options, evidence or []).result
    if options.json:
        typer.echo(result_json(result))
        return
    for line in checklist_lines(result):
        typer.echo(line)
