"""`costopt policy init|schema|check`: propose a policy, describe the file, say what is wrong with one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from costopt.cli.options import reads_traces
from costopt.wiring.request import DEFAULT_POLICY, TraceOptions

app = typer.Typer(no_args_is_help=True, help="A policy file: init proposes one, schema, check.")


@app.command()
@reads_traces
def init(
    options: TraceOptions,
    *,
    out: Annotated[Path, typer.Option(help="Where to write it; - for stdout.")] = DEFAULT_POLICY,
) -> None:
    """Propose safe layers from the log's own findings, each simulated on it.

    Writes policy.yaml with the reason for each layer; one that is there is kept (--yes replaces it).
    """
    from costopt.wiring.proposing import proposed, refuse_existing
    from costopt.wiring.reading import tell
    from costopt.wiring.writing import write_text

    refuse_existing(out, replace_it=options.yes)
    write_text(out, proposed(options).yaml, quiet=options.quiet)
    if str(out) != "-":
        name = "" if out == DEFAULT_POLICY else f" --policy {out}"
        tell(f"next: costopt simulate{name}", quiet=options.quiet)


@app.command()
def schema() -> None:
    """The JSON Schema of policy.yaml, for editors and CI."""
    import json

    from costopt.wiring.policy.schema import policy_schema

    typer.echo(json.dumps(policy_schema(), indent=1, ensure_ascii=False))


@app.command()
@reads_traces
def check(options: TraceOptions) -> None:
    """What is wrong with a policy: costopt policy check FILE [TRACES].

    The first argument is the policy (none: policy.yaml), the others the log: with it, the fields and
    models that the policy names are looked up too.
    """
    from costopt.errors import UsageError
    from costopt.wiring.policy.problems import PolicyError, problem_lines
    from costopt.wiring.proposing import checked

    path = Path(options.traces[0]) if options.traces else DEFAULT_POLICY
    try:
        policy = checked(path, replace(options, traces=options.traces[1:]))
    except PolicyError as error:
        for line in problem_lines(error):
            typer.echo(line, err=True)
        raise typer.Exit(UsageError.exit_code) from error
    count = len(policy.layers)
    typer.echo(f"{path}: ok, {count} layer{'' if count == 1 else 's'}")
