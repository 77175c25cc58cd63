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
    policy: Annotated[
        Path | None, typer.Option("--policy", help="Project this policy instead of safe layers.")
    ] = None,
) -> None:
    """Where the money goes, what is waste, what to do first.

    Tries safe layers on the log and writes them as policy.yaml into the working folder, unless one is
    there or --no-store is given. --policy: projects that one, and writes none.
    """
    from costopt.wiring.auditing import audit as run
    from costopt.wiring.projecting import keep_proposal

    started = time.perf_counter()
    chosen = None
    if policy is not None:
        from costopt.wiring.policy.load import load_policy

        chosen = load_policy(policy)
    done = run(options, evidence or [], policy=chosen)
    print_result(done.result, options, time.perf_counter() - started)
    keep_proposal(done.proposal, options)
