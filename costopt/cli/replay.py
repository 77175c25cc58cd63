"""`costopt replay [TRACES] --policy policy.yaml`: prove a projection, or try it offline."""

from __future__ import annotations

import shlex
import shutil
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from costopt.cli.options import option, reads_traces
from costopt.wiring.request import DEFAULT_POLICY, TraceOptions

_WHERE, _WHAT, _RUN = "Endpoint", "Sample and money", "The run"


BaseUrl = Annotated[
    str | None,
    option(_WHERE, "--base-url", text="Endpoint of all calls, or `recorded`: the log's answers."),
]
Api = Annotated[str | None, option(_WHERE, "--api", text="What it speaks: openai or anthropic.")]
KeyEnv = Annotated[
    str | None, option(_WHERE, "--api-key-env", text="Environment variable that holds the key.")
]
Live = Annotated[bool, option(_WHERE, "--live", text="Send to the providers' own addresses.")]
ModelMap = Annotated[
    list[str] | None,
    option(_WHERE, "--model-map", text="logged=endpoint's name; repeat.", metavar="A=B"),
]
Sample = Annotated[int | None, option(_WHAT, "--sample", text="Calls to replay.")]
TargetCi = Annotated[
    float | None,
    option(_WHAT, "--target-ci", text="Half width of the agreement's interval that sizes it.",
            metavar="PP"),
]  # fmt: skip
Budget = Annotated[
    str | None,
    option(_WHAT, "--budget", text="Most it may spend, at its worst case.", metavar="USD"),
]
MaxOutput = Annotated[
    int | None, option(_WHAT, "--max-output-tokens", text="Output cap of every request.")
]
Cold = Annotated[bool, option(_WHAT, "--cold", text="Find nothing in the provider's cache.")]
NoIsolate = Annotated[
    bool, option(_WHAT, "--no-isolate", text="Send no layer alone where several mix.")
]
Batch = Annotated[
    bool | None,
    option(_WHAT, "--batch/--no-batch", text="A few lines through its batch API, or none.",
            show_default=False),
]  # fmt: skip
Judge = Annotated[str | None, option(_WHAT, "--judge", text="Model that judges pairs of answers.")]
Embedder = Annotated[
    str | None,
    option(_WHAT, "--embedder", text="Compares meanings: auto, none, sentence-transformers:NAME."),
]
PlanOnly = Annotated[bool, option(_RUN, "--plan-only", text="Price the plan and send nothing.")]
Concurrency = Annotated[
    int | None, option(_RUN, "--concurrency", text="Requests under way at once.")
]
Resume = Annotated[bool, option(_RUN, "--resume", text="Go on with a run; fail without one.")]
Fresh = Annotated[bool, option(_RUN, "--fresh", text="Start anew beside an unfinished run.")]
RetryInDoubt = Annotated[
    bool, option(_RUN, "--retry-in-doubt", text="Send again what may have been charged.")
]
Patience = Annotated[
    str, option(_RUN, "--batch-patience", text="How long a batch job is waited for: 10m.")
]
Out = Annotated[
    Path | None, option(_RUN, "--out", text="Folder of the run's files, not .costopt/replay/N.")
]
Policy = Annotated[Path, typer.Option("--policy", help="The policy to prove.")]


@reads_traces
def replay(
    options: TraceOptions,
    *,
    policy: Policy = DEFAULT_POLICY,
    base_url: BaseUrl = None,
    api: Api = None,
    api_key_env: KeyEnv = None,
    live: Live = False,
    model_map: ModelMap = None,
    sample: Sample = None,
    target_ci: TargetCi = None,
    budget: Budget = None,
    max_output_tokens: MaxOutput = None,
    cold: Cold = False,
    no_isolate: NoIsolate = False,
    batch: Batch = None,
    judge: Judge = None,
    embedder: Embedder = None,
    plan_only: PlanOnly = False,
    concurrency: Concurrency = None,
    resume: Resume = False,
    fresh: Fresh = False,
    retry_in_doubt: RetryInDoubt = False,
    batch_patience: Patience = "10m",
    out: Out = None,
) -> None:
    """Prove a policy's projection: send a sample of its requests and compare.

    Endpoint, budget and sample come from the policy's `replay:` section where they are not given. With
    no endpoint anywhere the log's own answers stand in: offline, and it proves no answer.
    """
    from costopt.wiring.replaying.wishes import Wishes

    wishes = Wishes(
        base_url=base_url, api=api, api_key_env=api_key_env, live=live, model_map=model_map or [],
        sample=sample, target_ci=target_ci, budget=budget, concurrency=concurrency,
        max_output_tokens=max_output_tokens, cold=cold, judge=judge, embedder=embedder,
        resume=resume, fresh=fresh, retry_in_doubt=retry_in_doubt, isolate=not no_isolate,
        batch=batch, batch_patience=batch_patience, plan_only=plan_only, out=out,
    )  # fmt: skip
    _run(options, policy, wishes)


def _run(options: TraceOptions, policy: Path, wishes: Any) -> None:
    from costopt.wiring.replaying.running import replay as run

    started = time.perf_counter()
    done = run(options, policy, wishes)
    if options.json:
        from costopt.report.render.json import result_json

        typer.echo(result_json(done.result))
    else:
        from costopt.cli.show_result import again, painted, part
        from costopt.report.render.replay import replay_screen

        width = shutil.get_terminal_size((80, 40)).columns
        place = again(options) + part(options)
        seconds = time.perf_counter() - started
        chosen = "" if policy == DEFAULT_POLICY else f" --policy {shlex.quote(str(policy))}"
        for line in replay_screen(done.result, width, seconds, place, done.go_on, chosen):
            typer.echo(painted(line))
    if done.error is not None:
        raise done.error
    if done.interrupted:
        raise typer.Exit(130)
