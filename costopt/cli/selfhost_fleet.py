"""`costopt selfhost [TRACES] --model NAME --gpu h100`: would renting GPUs pay for this traffic?"""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from costopt.cli.options import option, reads_traces
from costopt.wiring.request import TraceOptions

if TYPE_CHECKING:
    from costopt.report.selfhost import SelfHosting

_WHOSE, _FLEET, _LEVEL = "Whose traffic", "The fleet", "The service level"
_RENT, _DRAFTS, _ANSWERS, _SHOW = "The rent", "Speculative decoding", "The answers", "What is shown"
CHART_POINTS = 16
_Text: TypeAlias = str | None
_Number: TypeAlias = float | None


Model = Annotated[_Text, option(_FLEET, "--model", text="The model that would answer.")]
OnGpu = Annotated[
    list[str] | None,
    option(_FLEET, "--gpu", text="h100, l40s, ..., all; repeat. None: the policy's, else all."),
]
Match = Annotated[
    list[str] | None,
    option(_WHOSE, "--match", text="Calls that move: model=gpt-4o-mini; repeat. None: all.",
            metavar="PART=NAME"),
]  # fmt: skip
Scale = Annotated[float, option(_WHOSE, "--scale", text="Multiple of today's traffic.")]
Arrivals = Annotated[
    str,
    option(_WHOSE, "--arrivals", text="Public arrivals in place of the log's own.",
            metavar="azure:FILE|servegen:FOLDER"),
]  # fmt: skip
Hours = Annotated[
    _Number, option(_WHOSE, "--hours", text="Hours that the log stands for, not a day at least.")
]
Policy = Annotated[
    Path | None,
    option(_WHOSE, "--policy", text="Its other layers come first; none stated: policy.yaml."),
]
NoPolicy = Annotated[
    bool,
    option(_WHOSE, "--no-policy", text="Against the recorded bill, whatever is in the folder."),
]
Shape = Annotated[_Text, option(_FLEET, "--shape", text="Known model that a fine-tune is made of.")]
Config = Annotated[
    _Text, option(_FLEET, "--model-config", text="config.json of a model that is not known.")
]
Engine = Annotated[_Text, option(_FLEET, "--engine", text="vllm, sglang, trtllm.")]
Precision = Annotated[_Text, option(_FLEET, "--precision", text="Of the weights: bf16, fp8, int4.")]
KvCache = Annotated[_Text, option(_FLEET, "--kv-cache", text="auto or fp8.")]
Tensor = Annotated[
    int | None, option(_FLEET, "--tensor-parallel", text="GPUs of a replica; 0: the cheapest.")
]
Context = Annotated[
    int | None, option(_FLEET, "--context-tokens", text="Longest request that it takes.")
]
Replicas = Annotated[
    int | None, option(_FLEET, "--replicas", text="So many; 0: the fewest that keep the level.")
]
Routing = Annotated[
    _Text, option(_FLEET, "--routing", text="round_robin, least_loaded, prefix_aware.")
]
Autoscale = Annotated[
    bool | None,
    option(_FLEET, "--autoscale/--no-autoscale", text="Replicas come and go with the traffic.",
            show_default=False),
]  # fmt: skip
Target = Annotated[
    _Number, option(_FLEET, "--autoscale-target", text="Requests in flight a replica.")
]
Start = Annotated[
    _Text, option(_FLEET, "--autoscale-start", text="Until a new replica answers: 5m.")
]
Efficiencies = Annotated[
    _Text, option(_FLEET, "--efficiencies", text="Name of a calibrated profile, or shipped.")
]
Ttft = Annotated[
    _Number,
    option(_LEVEL, "--ttft-ms", text="To the first token, 0: no limit; none stated: 5000."),
]
Tpot = Annotated[
    _Number, option(_LEVEL, "--tpot-ms", text="Of a later token, 0: no limit; none stated: 100.")
]
E2e = Annotated[
    _Number, option(_LEVEL, "--e2e-ms", text="Of the whole answer; none stated: no limit.")
]
Percentile = Annotated[
    _Number, option(_LEVEL, "--percentile", text="Percent that keep each limit; none stated: 95.")
]
RentTerms = Annotated[_Text, option(_RENT, "--terms", text="on_demand, reserved, spot.")]
Hourly = Annotated[_Number, option(_RENT, "--usd-per-gpu-hour", text="Your own price.")]
Speculate = Annotated[
    _Text, option(_DRAFTS, "--speculate", text="ngram, suffix, eagle3, draft_model, or a preset.")
]
DraftModel = Annotated[_Text, option(_DRAFTS, "--draft-model", text="Who drafts.")]
DraftTokens = Annotated[
    int | None,
    option(_DRAFTS, "--draft-tokens", text="A step; 0: best by load (not of look-ups).", min=0),
]
Acceptance = Annotated[
    _Number, option(_DRAFTS, "--acceptance", text="Of a drafted token, given those before it.")
]
OutputRatio = Annotated[
    _Number, option(_ANSWERS, "--output-ratio", text="Its tokens for one of the logged model's.")
]
ReasoningRatio = Annotated[
    _Number, option(_ANSWERS, "--reasoning-ratio", text="Reasoning tokens a visible one, at most.")
]
ServeWith = Annotated[
    list[str] | None,
    option(_SHOW, "--serve-with", text="Its command for sglang, tgi, ollama too; repeat."),
]
Png = Annotated[Path | None, option(_SHOW, "--png", text="Draw the crossing of bill and rent.")]


@reads_traces
def fleet(
    options: TraceOptions,
    *,
    model: Model = None,
    gpu: OnGpu = None,
    match: Match = None,
    scale: Scale = 1.0,
    arrivals: Arrivals = "",
    hours: Hours = None,
    policy: Policy = None,
    no_policy: NoPolicy = False,
    shape: Shape = None,
    model_config: Config = None,
    engine: Engine = None,
    precision: Precision = None,
    kv_cache: KvCache = None,
    tensor_parallel: Tensor = None,
    context_tokens: Context = None,
    replicas: Replicas = None,
    routing: Routing = None,
    autoscale: Autoscale = None,
    autoscale_target: Target = None,
    autoscale_start: Start = None,
    efficiencies: Efficiencies = None,
    ttft_ms: Ttft = None,
    tpot_ms: Tpot = None,
    e2e_ms: E2e = None,
    percentile: Percentile = None,
    terms: RentTerms = None,
    usd_per_gpu_hour: Hourly = None,
    speculate: Speculate = None,
    draft_model: DraftModel = None,
    draft_tokens: DraftTokens = None,
    acceptance: Acceptance = None,
    output_ratio: OutputRatio = None,
    reasoning_ratio: ReasoningRatio = None,
    serve_with: ServeWith = None,
    png: Png = None,
) -> None:
    """Would renting GPUs pay for this traffic? Fleet, latency, dollars and break-even, simulated.

    The calls arrive as they were logged, behind the policy's other layers, and the rent stands against
    what those leave of the API bill. A self_host layer of the policy gives what is not stated here.
    """
    stated = {
        "model": model, "shape": shape, "config": model_config, "engine": engine,
        "precision": precision, "kv_cache": kv_cache, "tensor_parallel": tensor_parallel,
        "context_tokens": context_tokens, "replicas": replicas, "routing": routing,
        "autoscale": autoscale, "autoscale_target": autoscale_target,
        "autoscale_start": autoscale_start, "profile": efficiencies, "ttft_ms": ttft_ms,
        "tpot_ms": tpot_ms, "e2e_ms": e2e_ms, "percentile": percentile, "terms": terms,
        "usd_per_gpu_hour": usd_per_gpu_hour, "hours": hours, "speculation": speculate,
        "draft_model": draft_model, "draft_tokens": draft_tokens, "acceptance": acceptance,
        "output_ratio": output_ratio, "reasoning_ratio": reasoning_ratio,
    }  # fmt: skip
    _run(
        options, png, settings={k: v for k, v in stated.items() if v is not None},
        gpus=tuple(gpu or ()), match=tuple(match or ()), policy=policy, no_policy=no_policy,
        scale=scale, arrivals=arrivals, serve_with=tuple(serve_with or ()),
    )  # fmt: skip


def _run(options: TraceOptions, png: Path | None, **asked: Any) -> None:
    """`asked`: fields of `FleetAsked`."""
    from costopt.wiring.selfhosting.fleet import self_hosting
    from costopt.wiring.selfhosting.fleet_asked import FleetAsked

    started = time.perf_counter()
    found = self_hosting(options, FleetAsked(points=CHART_POINTS if png else 0, **asked))
    if png:
        _draw(found, png, options)
    if options.json:
        from costopt.report.render.selfhost_json import selfhost_json

        typer.echo(selfhost_json(found))
        return
    from costopt.cli.show_result import painted
    from costopt.report.render.selfhost import selfhost_screen

    width = shutil.get_terminal_size((80, 40)).columns
    for line in selfhost_screen(found, width, time.perf_counter() - started):
        typer.echo(painted(line))


def _draw(found: SelfHosting, png: Path, options: TraceOptions) -> None:
    from costopt.report.render.selfhost_png import selfhost_png
    from costopt.wiring.reading import tell
    from costopt.wiring.writing import told

    with told(png):
        drawn = selfhost_png(found, png)
    tell(f"wrote {png}" if drawn else "nothing to draw: no fleet was found.", quiet=options.quiet)
