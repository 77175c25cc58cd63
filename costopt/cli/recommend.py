"""`costopt recommend [TRACES] --max-risk 0.01 --out policy.yaml`: the cheapest policy under a risk limit."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Annotated

import typer

from costopt.cli.options import reads_traces
from costopt.cli.simulate import Executor, Workers
from costopt.wiring.request import TraceOptions


@reads_traces
def recommend(
    options: TraceOptions,
    *,
    max_risk: Annotated[
        float, typer.Option(help="Share of answers that may differ, at most: 0.01.")
    ] = 0.01,
    out: Annotated[Path | None, typer.Option(help="Write the policy; - for stdout.")] = None,
    policy: Annotated[
        Path | None, typer.Option(help="The layers to choose from. None: those safe to try.")
    ] = None,
    executor: Executor = "",
    workers: Workers = None,
) -> None:
    """The cheapest policy under a risk limit, fitted on earlier sessions, told on later ones."""
    from costopt.cli.show_result import again, painted, part
    from costopt.report.render.recommendation import recommendation_screen
    from costopt.wiring.executing import execution_of
    from costopt.wiring.recommending import recommended
    from costopt.wiring.writing import write_text

    started = time.perf_counter()
    done = recommended(options, max_risk, policy, execution_of(executor, workers))
    if out:
        write_text(out, done.yaml, quiet=options.quiet)
    if options.json:
        typer.echo(done.json)
        return
    if str(out) == "-":
        return
    seconds = time.perf_counter() - started
    head = f"{done.sampled or f'{done.dataset_calls:,} calls'} · {seconds:.1f} s"
    place = again(options) + part(options)
    commands = [f"costopt recommend --max-risk {max_risk:g} --out policy.yaml{place}"]
    if out:
        commands = [f"costopt simulate --policy {out}{place}"]
    width = shutil.get_terminal_size((80, 40)).columns
    for line in recommendation_screen(
        done.found, done.settings, width, head=head, next_commands=commands,
        not_tried=done.not_tried,
    ):  # fmt: skip
        typer.echo(painted(line))
