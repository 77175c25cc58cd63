"""`costopt audit TRACES`: read, price, attribute, find waste, run the checklist; the main job."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from costopt.cli.options import reads_traces
from costopt.cli.show_result import print_result
from costopt.wiring.request import TraceOptions


@reads_traces
def audit(
    options: TraceOptions,
    *,
    evidence: Annotated[
        list[Path] | None,
        typer.Option(help="Deployment files that prove what logs cannot; repeat."),
    ] = None,
) -> None:
    """Where the money goes, what is waste, what to do first."""
    from costopt.wiring.auditing import audit as run

    started = time.perf_counter()
    done = run(options, evidence or [])
    print_result(done.result, options, time.perf_counter() - started)
