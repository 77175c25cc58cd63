"""What a fleet of one's own says of itself: evidence, risk, assumptions, and the sentences a reader needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from costopt.layers.parts.route_report import METRIC, OUTPUT_FACTOR, output_range
from costopt.layers.parts.self_host_moves import STAY_WORDS
from costopt.model.effect import Basis, LayerReport, Risk
from costopt.money import usd_float

if TYPE_CHECKING:
    from costopt.layers.self_host import SelfHost

STAY_TEXTS = {
    "not_charged": "{n:,} calls stay: the log does not say what they used, or they have no known price.",
    "several": "{n:,} records stay: each is a total of several requests.",
    "no_time": "{n:,} calls stay: the log does not say when they were made.",
    "no_tokens": "{n:,} calls stay: the log does not say how many tokens they had.",
    "other_model": "{n:,} calls stay: another model's tokens are billed inside them.",
    "not_text": "{n:,} calls stay: they hold images, files or audio.",
    "hosted": "{n:,} calls stay: the provider searched the web for them.",
    "reasoning": "{n:,} calls stay: the model reasons, and how much is not known. A replay measures it;"
    " or state the upper end of a range as reasoning_ratio.",
    "too_long": "{n:,} calls stay: they are longer than the model's context.",
}
REPLAY = (
    "moved calls asked from the served model and compared: answers, lengths, tokens counted by the server,"
    " times to the first and to a later token"
)


def report(layer: SelfHost, tally: Mapping[str, int], detail: Mapping[str, Any]) -> LayerReport:
    """From the counts and the fleet."""
    risk, verified, basis = _risk(layer, tally, detail)
    return LayerReport(
        _evidence(layer, tally, detail), risk, verified, basis,
        tuple(_assumptions(layer, tally, detail)), REPLAY,
        notes=tuple(_notes(layer, tally, detail)),
    )  # fmt: skip


def _evidence(
    layer: SelfHost, tally: Mapping[str, int], detail: Mapping[str, Any]
) -> dict[str, Any]:
    before = tally.get("input_tokens_before", 0)
    rent, api = tally.get("rent_pusd", 0), tally.get("api_pusd", 0)
    return {
        "asked_calls": tally.get("asked_calls", 0),
        "moved_calls": tally.get("moved_calls", 0),
        "moves": detail.get("moves", []),
        "kept": {w: n for w in STAY_WORDS.values() if (n := tally.get(f"kept.{w}", 0))},
        "calls_without_text": tally.get("calls_without_text", 0),
        "input_ratio": tally["input_tokens_after"] / before if before else None,
        "api_usd": usd_float(api), "rent_usd": usd_float(rent),
        "rent_over_api": rent / api if api else None,
        "reason": detail.get("reason") or None,
        **detail.get("fleet", {}),
    }  # fmt: skip


def _risk(
    layer: SelfHost, tally: Mapping[str, int], detail: Mapping[str, Any]
) -> tuple[Risk, bool, Basis]:
    if not tally.get("moved_calls", 0):
        return Risk("none", 0.0, None, "no call is moved"), True, "rule"
    measured = detail.get("measured")
    if measured is None:
        return Risk(METRIC, None, None, "unverified"), False, "assumed"
    loss, ci, judged = measured
    ends = max(0.0, ci[0]), max(0.0, ci[1])  # as many gained as lost is no risk
    risk = Risk(METRIC, max(0.0, loss), ends, f"replay of {judged:,} calls")
    return risk, ci[1] <= layer.max_loss and detail["fleet"]["keeps_level"], "measured"


def _assumptions(
    layer: SelfHost, tally: Mapping[str, int], detail: Mapping[str, Any]
) -> Iterator[str]:
    if not tally.get("moved_calls", 0):
        return
    fleet = detail["fleet"]
    yield "Latency and the number of GPUs are simulated on the log's own arrivals, not measured."
    yield "Extra steps and retries of a model that may be weaker are in no dollars: contexts are the log's."
    yield "The interval keeps this fleet: another day's peak may need another one."
    yield "Operating the machines, their network and spares are not in the rent."
    yield from fleet["fleet_notes"]
    if tally.get("output.assumed", 0):
        yield (
            f"The model writes {layer.output_ratio:g} times as much as the logged one (not measured;"
            f" {output_range(1.0)[0]:.2f} to {OUTPUT_FACTOR:g} times that in the interval)."
        )
    if tally.get("reasoning.assumed", 0):
        yield (
            f"The model takes {layer.reasoning_ratio_low:g} to {layer.reasoning_ratio or 0:g} reasoning"
            " tokens a visible one, as you stated; the upper end is served."
        )
    if tally.get("output_tokens_reasoning", 0) and not tally.get("reasoning.assumed", 0):
        yield f"Of the logged reasoning {layer.reasoning_as_text:g} is written out as text."
    if tally.get("recounted_calls", 0):
        yield f"Texts are counted as the model would: {detail['counted']}."
    if n := tally.get("calls_without_text", 0):
        yield f"{n:,} moved calls carry no text: they count as many tokens there."
    if tally.get("batch_calls", 0):
        yield f"{tally['batch_calls']:,} batch calls are served when they were logged, without delay."
    if fleet["log_hours"] < 24 and not layer.hours:
        yield (
            f"The log's {fleet['log_hours']:.3g} hours stand for a whole day, whose rent is charged: `hours`"
            " says otherwise."
        )
    if drafts := fleet.get("speculation"):
        yield (
            f"Speculation accepts a drafted token with a chance of {drafts['acceptance']:.2f}"
            f" ({drafts['basis']}); nothing measured it on these texts."
        )


def _notes(layer: SelfHost, tally: Mapping[str, int], detail: Mapping[str, Any]) -> Iterator[str]:
    if reason := detail.get("reason"):
        yield f"Nothing is moved: {reason}."
    elif not tally.get("moved_calls", 0):
        yield "Nothing is moved: no call fits `match` and can be taken."
    else:
        yield from _moved_notes(tally, detail)
    for word, text in STAY_TEXTS.items():
        if n := tally.get(f"kept.{word}", 0):
            yield text.format(n=n)
    if tally.get("moved_calls", 0) and detail.get("measured") is None:
        yield (
            "Another model answers: whether as well is not known. Replay a sample against it first"
            " (costopt replay)."
        )


def _moved_notes(tally: Mapping[str, int], detail: Mapping[str, Any]) -> Iterator[str]:
    fleet = detail["fleet"]
    rent, each = fleet["rent_usd_a_day"], fleet["gpus_per_replica"]
    many = f"{fleet['replicas']} replica{'s' if fleet['replicas'] != 1 else ''}"
    yield (
        f"{many} of {each} x {fleet['gpu']} for {tally['moved_calls']:,} calls:"
        f" ${rent['charged']:,.2f} a day (${rent['low']:,.2f} to ${rent['high']:,.2f};"
        f" {fleet['rent_source']}), at work {100 * fleet['utilisation']:.2g} % of it."
    )
    yield from _against_the_bill(tally, fleet)
    yield from _latency(fleet, detail.get("replayed", {}))
    if fleet["replicas_at_most"] and fleet["replicas_at_most"] > fleet["replicas"]:
        yield (
            f"So few requests cannot tell {fleet['replicas']} replicas from {fleet['replicas_at_most']},"
            " which keep the level for sure."
        )


def _against_the_bill(tally: Mapping[str, int], fleet: Mapping[str, Any]) -> Iterator[str]:
    rent, api = tally.get("rent_pusd", 0), tally.get("api_pusd", 0)
    days = f"{fleet['days']:.3g} day{'' if fleet['days'] == 1 else 's'}"
    bill = f"the same calls at the provider: ${usd_float(api):,.2f}"
    yield f"Rent for {days}: ${usd_float(rent):,.2f}; {bill}."
    if api and rent > api:
        yield (
            f"That is {_times(rent / api)} times as much: renting pays only with more traffic. costopt"
            " selfhost simulates from how much on."
        )


def _times(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def _latency(fleet: Mapping[str, Any], replayed: Mapping[str, float | None]) -> Iterator[str]:
    first, later = fleet["ttft_ms"], fleet["tpot_ms"]
    if first is not None:
        word = (
            f"Simulated: first token after {first['p50']:,.0f} ms ({first['p95']:,.0f} ms for 95 %)"
        )
        more = f", then one every {later['p50']:,.3g} ms ({later['p95']:,.3g} ms)" if later else ""
        yield f"{word}{more}."
    if replayed.get("ttft_ms") and replayed.get("tpot_ms"):
        yield (
            f"Measured by the replay, at its own load and on its server: first token after"
            f" {replayed['ttft_ms']:,.0f} ms, then one every {replayed['tpot_ms']:,.3g} ms (medians)."
        )
    for level in fleet["level"]:
        if level["share"] < level["wanted"]:
            yield (
                f"The level is missed: {level['limit'].upper()} within {level['limit_ms']:,.0f} ms for"
                f" {100 * level['share']:.3g} % of the requests, {100 * level['wanted']:g} % are asked."
            )
    if fleet["unserved_calls"]:
        yield f"{fleet['unserved_calls']:,} requests do not fit into a replica's memory at all."
