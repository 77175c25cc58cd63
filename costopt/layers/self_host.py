"""Calls go to an open model on rented GPUs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from costopt.billing.edits import with_value
from costopt.errors import UsageError
from costopt.layers.base import Artifacts, Partition
from costopt.layers.parts import self_host_report
from costopt.layers.parts.moves import Moves, by_move, measured_loss
from costopt.layers.parts.route_report import output_range
from costopt.layers.parts.self_host_drafts import acceptance_known, drafts_of
from costopt.layers.parts.self_host_fleet import (
    Traffic,
    fees_of,
    fleet_of,
    rents_of,
    traffic_of,
    wish_of,
)
from costopt.layers.parts.self_host_moves import STAY_WORDS, Stay, moves_of
from costopt.layers.parts.self_host_names import (
    Drafting,
    EngineName,
    GpuName,
    PrecisionName,
    ShapeName,
)
from costopt.layers.parts.self_host_served import known_shape, served_by
from costopt.layers.parts.self_host_told import fleet_detail
from costopt.layers.settings import Duration, Patterns
from costopt.model.effect import Effect, LayerReport
from costopt.model.leaf import INPUT, OUTPUT, Leaf
from costopt.model.view import Column, View
from costopt.money import exact_sum
from costopt.prices.contract import PriceBook
from costopt.serving.deployment import USUAL_SLO, Deployed, Undeployed
from costopt.serving.speculation.methods import Range

BATCH = "batch"
_TTFT_MS, _TPOT_MS = 1000 * (USUAL_SLO.ttft_s or 0.0), 1000 * (USUAL_SLO.tpot_s or 0.0)
Share = Annotated[float, Field(ge=0, le=1)]
Milliseconds = Annotated[float, Field(gt=0)]


@dataclass(frozen=True)
class SelfHost:
    """Serve calls from an open model on GPUs of your own: rent by the hour instead of a price a token.

    ## Where the money goes
    A machine that works all day makes a token for a fraction of its list price; one that waits for requests
    costs the same as one that works. What decides is how much of the rented time is used.

    ## What can go wrong
    Most logs have too little traffic: the rent is then many times the bill, and is shown so. Another model
    answers, so quality is a routing decision: `unverified` until a replay has asked it. Fleets are sized for
    the peaks of this log; tomorrow's may be higher. Somebody has to run the machines, which is in no rent.

    ## How it is simulated
    The calls arrive at their logged times, with the lengths and shared prefixes that they have at this
    place of the policy: what a cache answers or a window cuts makes the fleet smaller. Texts are counted
    again by the model's vocabulary. Replicas are simulated step by step (continuous batching, chunked
    prefill, KV memory, the engine's own prefix cache, queues), and the fewest that keep the latency level
    are rented, idle hours included. Their tokens cost nothing; the rent of the log's time is charged as a
    fee, split exactly over the moved calls by the work that they cause. Calls with images, hosted tools, no
    time or more tokens than the model's context stay; a batch call moves and loses its discount. What stays
    at the provider finds less in its prompt cache, and is billed so. Dollars are at the middle of the
    published rents by default, the interval takes the cheapest and the dearest.

    ## What a replay measures
    Moved calls are asked from the served model and compared with the logged answers, beside how often those
    disagree with themselves: how many right answers are lost, how much longer the answers are, how many
    tokens the server counts, and its times to the first and to a later token at the replay's own load. The
    next projection uses lengths and quality, and names the times beside the simulated ones. Not the fleet at
    full load: `costopt selfhost calibrate` measures a server's speed.

    ## Sources
    https://docs.vllm.ai/en/latest/ for the engine's rules; rents, GPUs and models with the source of each in
    the data files of `costopt/serving/data`. Checked 2026-11-25. `docs/self-hosting.md` says how the
    simulator was held against measurements.
    """

    match: Patterns = ()
    """Calls that move, `{model: gpt-4o-mini}`; empty: all."""
    model: str = ""
    """The model that is served, by its Hugging Face name. Empty: the layer does nothing."""
    gpu: GpuName = ""
    """GPU by name: h100, a100, l40s, l4, ...; `costopt selfhost` compares them."""
    shape: ShapeName = ""
    """Of a model that is not known by name, a fine-tune: the known one that it was made from."""
    config: str = ""
    """Of a model that is not known at all: the path of its `config.json`."""
    profile: str = ""
    """Constants that `costopt selfhost calibrate` fitted on your machine, by the profile's name; empty: the
    shipped ones."""
    tensor_parallel: Annotated[int, Field(ge=0)] = 0
    """GPUs of a replica; 0: whichever of 1, 2, 4 and 8 is cheapest in all."""
    engine: EngineName = "vllm"
    """vllm, sglang, trtllm: whose limits and rules are simulated."""
    precision: PrecisionName = ""
    """Of the weights: bf16, fp8, int4, ...; empty: as the model is published."""
    kv_cache: Literal["auto", "fp8"] = "auto"
    """Format of the KV cache; auto: 16 bits."""
    context_tokens: Annotated[int, Field(ge=0)] = 0
    """Longest request, answer included, that the fleet takes; 0: the model's own context."""
    ttft_ms: Milliseconds | None = _TTFT_MS
    """Level: time to the first token; null: no limit. It is an assumption: state your own."""
    tpot_ms: Milliseconds | None = _TPOT_MS
    """Level: mean time of a later token; null: no limit."""
    e2e_ms: Milliseconds | None = None
    """Level: time of the whole answer; null: no limit."""
    percentile: Annotated[float, Field(gt=0, le=100)] = USUAL_SLO.percentile
    """Percent of the requests that must keep each limit."""
    replicas: Annotated[int, Field(ge=0)] = 0
    """So many, whether they keep the level or not; 0: the fewest that do."""
    routing: Literal["round_robin", "least_loaded", "prefix_aware"] = "least_loaded"
    """Which replica a request goes to."""
    autoscale: bool = False
    """Replicas come and go with the traffic, up to the fixed fleet's number; one always stays."""
    autoscale_target: Annotated[float, Field(gt=0)] = 32.0
    """Requests in flight for each replica at which another one is started."""
    autoscale_start: Duration = 300.0
    """Until a started replica takes requests: machine, image, weights. It is paid for."""
    terms: Literal["on_demand", "reserved", "spot"] = "on_demand"
    """How the GPUs are rented; spot ones may be taken away, which is not simulated."""
    usd_per_gpu_hour: Annotated[float, Field(ge=0)] | None = None
    """Your own price of a GPU-hour; null: published rents of the day of the prices."""
    rent_at: Share = 0.5
    """Place in the published rents: 0 the cheapest provider, 0.5 the middle one, 1 the dearest."""
    hours: Annotated[float, Field(ge=0)] = 0.0
    """Hours that the log stands for, where they are more than from its first call to its last; 0: a day at
    least."""
    speculation: Drafting = ""
    """Speculative decoding: a preset (`llama-3.1-8b+eagle3`) or a method (`ngram`); empty: none."""
    draft_tokens: Annotated[int, Field(ge=0)] = 0
    """Drafted tokens a step; 0: the preset's, else 3."""
    draft_model: str = ""
    """For `draft_model` and trained heads: who drafts; empty: the preset's."""
    acceptance: Share | None = None
    """Chance that a drafted token is accepted, given those before it; null: as published."""
    acceptance_at: Share = 0.5
    """Place in the published or assumed range of it: 0 the lowest, 1 the highest."""
    output_ratio: Annotated[float, Field(gt=0)] = 1.0
    """Visible output of the model for each token of the logged one, where no replay measured it."""
    reasoning_ratio: Annotated[float, Field(ge=0)] | None = None
    """Reasoning tokens for each visible one of a model that reasons: the upper end of your range. Null:
    calls do not move to such a model."""
    reasoning_ratio_low: Annotated[float, Field(ge=0)] = 0.0
    """The lower end of that range."""
    reasoning_as_text: Share = 1.0
    """From a model that reasons to one that does not: share of the logged reasoning that it writes out."""
    max_loss: float = 0.02
    """Most right answers that may be lost, as a share of the moved calls, for the saving to be verified."""

    partition: ClassVar[Partition] = Partition.WHOLE
    needs: ClassVar[tuple[str, ...]] = ("served_shape", "serving_profile")
    touches: ClassVar[frozenset[Column]] = frozenset(
        {Column.MODEL, Column.PROVIDER, Column.LEAVES, Column.SERVICE_TIER}
    )
    SEARCH: ClassVar[Mapping[str, tuple[Any, ...]]] = {}
    NEUTRAL: ClassVar[Mapping[str, Any]] = {"model": ""}
    LIMIT: ClassVar[str] = "max_loss"
    APPLIES: ClassVar[tuple[str, ...]] = ("output_ratio", "reasoning_ratio", "input_ratio")
    UNSENT: ClassVar[tuple[str, ...]] = (
        "gpu", "shape", "config", "profile", "tensor_parallel", "engine", "context_tokens",
        "ttft_ms", "tpot_ms", "e2e_ms", "percentile", "replicas", "routing", "autoscale",
        "autoscale_target", "autoscale_start", "terms", "usd_per_gpu_hour", "rent_at", "hours",
        "speculation", "draft_tokens", "draft_model", "acceptance", "acceptance_at", "output_ratio",
        "reasoning_ratio", "reasoning_ratio_low", "reasoning_as_text", "max_loss",
    )  # fmt: skip
    """The machines change no request. The format of weights and KV cache does: it changes answers."""

    def __post_init__(self) -> None:
        """UsageError: a model without a GPU or a known shape, or speculation of which nothing is known."""
        if not self.model:
            return
        if not self.gpu:
            raise UsageError("`model` needs a `gpu` that serves it, gpu: l40s.")
        made = known_shape(self)
        if made is not None:
            drafts_of(self, made)

    def apply(self, view: View, prices: PriceBook, artifacts: Artifacts) -> Effect:
        """Move what can be served, and charge the rent. UsageError: a name that nobody knows."""
        if not self.model:
            return Effect()
        served = served_by(self, view, artifacts)
        moves = moves_of(served, view, prices, artifacts)
        tally = _tally(view, moves)
        if not moves.moved.any():
            return Effect(tally=tally)
        traffic = traffic_of(self, view, moves, artifacts)
        found = fleet_of(traffic.arrivals, wish_of(served), rents_of(self, prices))
        if isinstance(found, Undeployed):
            return Effect(tally=tally | {"moved_calls": 0}, detail={"reason": found.reason})
        return self._effect(view, moves, traffic, found, tally, artifacts, served.most_tokens)

    def _effect(
        self, view: View, moves: Moves, traffic: Traffic, found: Deployed, tally: dict[str, int],
        artifacts: Artifacts, most_tokens: int,
    ) -> Effect:  # fmt: skip
        fees, rent = fees_of(self, traffic, found)
        told = by_move(moves)
        tally |= {
            "rent_pusd": rent,
            "api_pusd": int(exact_sum(artifacts.bill(view).net_pusd[moves.moved])),
            "gpus": found.gpus,
        }
        detail = {
            "moves": told, "fleet": fleet_detail(self, traffic, found, most_tokens),
            "counted": artifacts.tokens(view).label(self.model),
            "measured": measured_loss(told, artifacts.measured("self_host")),
            "replayed": {k: artifacts.measured("self_host").get(k) for k in ("ttft_ms", "tpot_ms")},
        }  # fmt: skip
        return Effect(
            _columns(view, moves), moves.moved, moves.moved, fees=fees, tally=tally, detail=detail
        )  # fmt: skip

    def report(self, tally: Mapping[str, int], detail: Mapping[str, Any]) -> LayerReport:
        """The fleet, its rent beside the bill, its latency, and what nobody has measured of it."""
        return self_host_report.report(self, tally, detail)

    def ranges(self) -> Mapping[str, tuple[Any, Any]]:
        """Rents, lengths and acceptance: what is published or nobody measured."""
        found: dict[str, tuple[Any, Any]] = {
            "output_ratio": output_range(self.output_ratio),
            "reasoning_as_text": (0.0, max(1.0, self.reasoning_as_text)),
        }
        if self.usd_per_gpu_hour is None:
            found["rent_at"] = (0.0, 1.0)
        if self.reasoning_ratio is not None:
            found["reasoning_ratio"] = (self.reasoning_ratio_low, self.reasoning_ratio)
        if self.speculation and self.acceptance is None:
            known = acceptance_known(self)
            if isinstance(known, Range) and known.low < known.high:
                found["acceptance_at"] = (0.0, 1.0)
        return found


def _columns(view: View, moves: Moves) -> dict[Column, Any]:
    """The edit; a batch call is one like any other on a machine of one's own."""
    columns = moves.columns()
    batch = np.array([tier == BATCH for tier in view.service_tier.values], np.bool_)
    rows = moves.moved & batch[view.service_tier.codes]
    if rows.any():
        columns[Column.SERVICE_TIER] = with_value(view.service_tier, rows, "default")
    return columns


def _tally(view: View, moves: Moves) -> dict[str, int]:
    """Calls asked about, moved and kept by reason; their tokens before and behind."""
    moved = moves.moved
    recounted = (moves.leaves[:, INPUT].sum(axis=1) != view.leaves[:, INPUT].sum(axis=1)) & moved
    batch = np.array([tier == BATCH for tier in view.service_tier.values], np.bool_)
    out = {
        "asked_calls": int(((moves.bar != Stay.NONE) | moved).sum()),
        "moved_calls": int(moved.sum()),
        "calls_without_text": int((moved & moves.without_text).sum()),
        "recounted_calls": int(recounted.sum()),
        "batch_calls": int((moved & batch[view.service_tier.codes]).sum()),
        "input_tokens_before": int(view.leaves[moved][:, INPUT].sum()),
        "input_tokens_after": int(moves.leaves[moved][:, INPUT].sum()),
        "output_tokens_before": int(view.leaves[moved][:, OUTPUT].sum()),
        "output_tokens_after": int(moves.leaves[moved][:, OUTPUT].sum()),
        "output_tokens_reasoning": int(view.leaves[moved, Leaf.OUTPUT_REASONING].sum()),
    }
    for stay, word in STAY_WORDS.items():
        out[f"kept.{word}"] = int((moves.bar == stay).sum())
    for code, told in enumerate(moves.told):
        calls = int((moved & (moves.move == code)).sum())
        for part in ("output", "reasoning"):
            key = f"{part}.{told[f'{part}_basis']}"
            out[key] = out.get(key, 0) + calls
    return out
