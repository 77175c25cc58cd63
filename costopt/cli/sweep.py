"""`costopt sweep [TRACES] --set layer.setting=values`: many settings of a policy side by side."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Annotated

import typer

from costopt.cli.options import reads_traces
from costopt.cli.simulate import Executor, Policy, Workers
from costopt.wiring.request import DEFAULT_POLICY, TraceOptions


@reads_traces
def sweep(
    options: TraceOptions,
    *,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="LAYER.SETTING=VALUES",
            help="window.turns=4,6,8 or semantic_cache.threshold=0.80:0.99:0.01; repeat for a grid.",
        ),
    ] = None,
    policy: Policy = DEFAULT_POLICY,
    out: Annotated[Path | None, typer.Option(help="Write the points as CSV.")] = None,
    png: Annotated[Path | None, typer.Option(help="Draw them.")] = None,
    executor: Executor = "",
    workers: Workers = None,
) -> None:  # fmt: skip
    """Many settings of a policy side by side: dollars against risk."""
    from costopt.report.render.sweep import sweep_csv, sweep_json, sweep_screen
    from costopt.wiring.executing import execution_of
    from costopt.wiring.sweeping import sweep as run
    from costopt.wiring.writing import told, write_text

    started = time.perf_counter()
    found = run(options, set_ or [], policy, execution_of(executor, workers))
    seconds = time.perf_counter() - started
    if out:
        write_text(out, sweep_csv(found), quiet=options.quiet)
    if png:
        from costopt.report.render.sweep_png import sweep_png
        from costopt.wiring.reading import tell

        with told(png):
            sweep_png(found, png)
        tell(f"wrote {png}", quiet=options.quiet)
    if options.json:
        typer.echo(sweep_json(found))
    elif str(out) != "-":
        width = shutil.get_terminal_size((80, 40)).columns
        for line in sweep_screen(found, width, seconds):
            typer.echo(line)
