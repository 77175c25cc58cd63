"""`costopt selfhost TRACES|predict|calibrate`: would GPUs of one's own pay, and how fast would they be?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from costopt.cli.default_command import MAIN, DefaultGroup
from costopt.cli.options import option
from costopt.cli.selfhost_fleet import fleet

if TYPE_CHECKING:
    from costopt.wiring.selfhosting.wishes import Calibration

app = typer.Typer(
    cls=DefaultGroup,
    subcommand_metavar="[TRACES] --model NAME | predict | calibrate",
    help="Rent GPUs? TRACES --model M: fleet, rent, break-even. predict: points. calibrate: a server.",
)

_SERVER, _GRID, _RUN = "The server", "What is sent", "The run"


BaseUrl = Annotated[str, option(_SERVER, "--base-url", text="Its OpenAI-compatible address.")]
Model = Annotated[str, option(_SERVER, "--model", text="Its name of the model.")]
Shape = Annotated[
    str, option(_SERVER, "--shape", text="The model itself, where that name is an alias.")
]
Config = Annotated[str, option(_SERVER, "--model-config", text="config.json of the model.")]
OnGpu = Annotated[str, option(_SERVER, "--gpu", text="h100_sxm, ...; this-machine: its processor.")]
Hardware = Annotated[
    Path | None, option(_SERVER, "--hardware", text="JSON of hardware of your own.")
]
Engine = Annotated[
    str, option(_SERVER, "--engine", text="vllm, sglang, trtllm, transformers, llama_cpp.")
]
Precision = Annotated[str, option(_SERVER, "--precision", text="bf16, fp8, ...")]
Tensor = Annotated[int, option(_SERVER, "--tensor-parallel", text="GPUs of a replica.", min=1)]
Expert = Annotated[int, option(_SERVER, "--expert-parallel", text="Over them, experts.", min=1)]
KeyEnv = Annotated[
    str | None, option(_SERVER, "--api-key-env", text="Environment variable that holds the key.")
]
Loads = Annotated[str, option(_GRID, "--loads", text="Requests in flight.")]
Prompts = Annotated[str, option(_GRID, "--prompt-tokens", text="Lengths of prompts.")]
Output = Annotated[int, option(_GRID, "--output-tokens", text="Most tokens of an answer.")]
Requests = Annotated[
    int, option(_GRID, "--requests", text="Of one load; 0: 3 times it, at least 8.")
]
Seed = Annotated[int, option(_GRID, "--seed", text="Of the prompts' words.")]
Budget = Annotated[str | None, option(_GRID, "--budget", text="Most it may spend.", metavar="USD")]
Prices = Annotated[Path | None, option(_GRID, "--prices", text="Your prices.yaml over the book.")]
ReadOnly = Annotated[bool, option(_RUN, "--read-only", text="Send no prompt: read /metrics alone.")]
Profile = Annotated[str, option(_RUN, "--profile", text="Name to keep it under.")]
Timeout = Annotated[float, option(_RUN, "--timeout", text="Seconds for an answer.")]
Yes = Annotated[bool, option(_RUN, "--yes", "-y", text="Answer yes to questions.")]
Json = Annotated[bool, option(_RUN, "--json", text="JSON alone on stdout.")]
Quiet = Annotated[bool, option(_RUN, "--quiet", "-q", text="No progress, no hints.")]
Offline = Annotated[bool, option(_RUN, "--offline", text="Fail on any network access.")]


app.command(name=MAIN, hidden=True)(fleet)


@app.callback()
def _root() -> None:
    """Rent GPUs? `costopt selfhost TRACES --model M --gpu h100` simulates the fleet for this trace.

    Beside it: what single operating points would do, and the constants of a running server.
    """


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
    json: Json = False,
    quiet: Quiet = False,
) -> None:  # fmt: skip
    """Simulate each row: TTFT, TPOT and throughput, or why it cannot run.

    Columns: model, gpu, engine, precision, input_tokens, output_tokens, tensor_parallel,
    expert_parallel, concurrency (so many requests always in flight).
    """
    from costopt.report.words import plural
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
    said = f"{plural(len(found.rows), 'row')}: {found.fitting:,} answered"
    tell(said + (f", {refused:,} cannot run (see note)" if refused else ""), quiet=quiet)


@app.command()
def calibrate(
    base_url: BaseUrl,
    model: Model = "",
    shape: Shape = "",
    model_config: Config = "",
    gpu: OnGpu = "",
    hardware: Hardware = None,
    engine: Engine = "vllm",
    precision: Precision = "",
    tensor_parallel: Tensor = 1,
    expert_parallel: Expert = 1,
    loads: Loads = "1,2,4,8",
    prompt_tokens: Prompts = "128,512",
    output_tokens: Output = 64,
    requests: Requests = 0,
    read_only: ReadOnly = False,
    profile: Profile = "",
    budget: Budget = None,
    api_key_env: KeyEnv = None,
    prices: Prices = None,
    timeout: Timeout = 600.0,
    seed: Seed = 0,
    yes: Yes = False,
    json: Json = False,
    quiet: Quiet = False,
    offline: Offline = False,
) -> None:
    """Drive a running server over a small grid of loads and fit the simulator's constants to it.

    Says how many requests and tokens that is and asks first. The constants are kept as a profile for
    `predict --efficiencies NAME`, with what fitted them and how near they come.
    """
    from costopt.wiring.selfhosting.wishes import Calibration

    if offline:
        from costopt.cli.options import forbid_network

        forbid_network()
    asked = Calibration(
        base_url, model, shape, model_config, gpu, hardware, engine, precision, tensor_parallel,
        expert_parallel, loads, prompt_tokens, output_tokens, requests, read_only, profile, budget,
        api_key_env, prices, timeout, seed, yes, quiet,
    )  # fmt: skip
    _calibrate(asked, json)


def _calibrate(asked: Calibration, json: bool) -> None:
    from costopt.model.escape import clean
    from costopt.wiring.progress import progress_for
    from costopt.wiring.reading import tell
    from costopt.wiring.request import TraceOptions
    from costopt.wiring.selfhosting.calibrating import run
    from costopt.wiring.selfhosting.shown import body, shown

    done = run(asked, progress_for(TraceOptions(quiet=asked.quiet)))
    if done.declined:
        tell("nothing was sent.", quiet=asked.quiet)
        return
    if json:
        import json as writer

        typer.echo(writer.dumps(body(done), indent=1, allow_nan=False))
    else:
        typer.echo("\n".join(clean(line) for line in shown(done)))
    if done.path is not None:
        tell(f"wrote {done.path}", quiet=asked.quiet)
        name = done.path.stem
        tell(
            f"next: costopt selfhost predict --rows rows.csv --efficiencies {name}",
            quiet=asked.quiet,
        )
