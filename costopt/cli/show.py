"""`costopt show F1 [TRACES]`: what proves a finding; `costopt show CALL_ID`: one call."""

from __future__ import annotations

import shutil

import typer

from costopt.cli.options import reads_traces
from costopt.wiring.request import TraceOptions


@reads_traces
def show(options: TraceOptions) -> None:
    """What proves a finding (costopt show F1), or one call by its id.

    The first of TRACES is the id, the others the log. Three dearest calls with their source lines,
    the first differing bytes, and the fix.
    """
    from costopt.report.render.evidence import evidence_json, evidence_lines
    from costopt.wiring.showing import shown

    evidence = shown(options)
    if options.json:
        typer.echo(evidence_json(evidence))
        return
    width = min(100, shutil.get_terminal_size((80, 40)).columns)
    for line in evidence_lines(evidence, width):
        typer.echo(line)
