"""`costopt simulate [TRACES] --policy policy.yaml`: what the log would have cost under a policy."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Annotated

import typer

from costopt.cli.options import reads_traces
from costopt.wiring.request import DEFAULT_POLICY, TraceOptions

Policy = Annotated[Path, typer.Option("--policy", help="The policy to try.")]
Executor = Annotated[
    str,
    typer.Option(
        "--executor", help="local, processes, dask, or tcp://HOST:PORT of a dask scheduler."
    ),
]
Workers = Annotated[int | None, typer.Option("--workers", help="Workers of processes or dask.")]


@reads_traces
def simulate(
    options: TraceOptions,
    *,
    policy: Policy = DEFAULT_POLICY,
    executor: Executor = "",
    workers: Workers = None,
    no_shapley: Annotated[
        bool, typer.Option("--no-shapley", help="Leave out the shares of each layer.")
    ] = False,
) -> None:
    """What the log would have cost under a policy, with risk and interval."""
    from costopt.report.render.projection import projection_screen
    from costopt.wiring.executing import execution_of
    from costopt.wiring.simulating import simulate as run

    started = time.perf_counter()
    done = run(options, policy, execution_of(executor, workers), shapley=not no_shapley)
    if options.json:
        from costopt.report.render.json import result_json

        typer.echo(result_json(done.result))
        return
    from costopt.cli.show_result import again, painted, part

    width = shutil.get_terminal_size((80, 40)).columns
    place = again(options) + part(options)
    for line in projection_screen(done.result, width, time.perf_counter() - started, place):
        typer.echo(painted(line))
