"""What `compress` says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from costopt.layers.parts.interval import clopper_pearson
from costopt.layers.parts.reached import reach_rate
from costopt.model.effect import LayerReport, Risk
from costopt.money import usd_float

if TYPE_CHECKING:
    from costopt.layers.compress import Compress

METRIC = "answers_differ"
EXAMPLE = "microsoft/llmlingua-2-xlm-roberta-large-meetingbank"
"""The model of the paper's authors: https://huggingface.co/microsoft, checked 2026-11-25."""
SAME_STEPS = "The agent takes the same steps with the compressed prompts."
Tally = Mapping[str, int]


def compress_report(layer: Compress, tally: Tally, detail: Mapping[str, Any]) -> LayerReport:
    """`tally`, `detail`: of the layer's effects."""
    really = "method" in detail
    risk, verified = _risk(layer, detail)
    return LayerReport(
        _evidence(layer, tally, detail), risk, verified, "measured" if really else "assumed",
        _assumptions(layer, tally, really),
        replay="whether answers over the compressed prompts, sent beside the originals, are the same, and "
        "their tokens",
        notes=_notes(layer, tally, really),
    )  # fmt: skip


def break_even_rate(tally: Tally) -> float | None:
    """Share of the prose that may be kept at most, for it to earn its compute and what the cache loses.

    Drawn as a line through the bills with all of the cut and with half of it. 0: it pays at no rate.
    None: there is no prose, or nothing was cut.
    """
    prose, cut = tally.get("prose_pusd", 0), tally.get("cut_pusd", 0)
    half_cut = tally.get("half_cut_pusd", 0)
    if not prose or cut <= half_cut:
        return None
    costs = tally.get("fee_pusd", 0) - tally.get("bill_pusd", 0)
    gain, half_gain = (-tally[name] - costs for name in ("after_pusd", "half_pusd"))
    slope = (gain - half_gain) / (cut - half_cut)  # dollars for each dollar of prose that goes
    if slope <= 0:
        return 1.0 if min(gain, half_gain) > 0 else 0.0
    return min(1.0, max(0.0, 1 - (half_cut - half_gain / slope) / prose))


def lost_pusd(tally: Tally) -> int:
    """Of the prose that was cut, at the price paid for it, what the bill does not fall by."""
    saved = tally.get("bill_pusd", 0) - tally.get("after_pusd", 0)
    return max(0, tally.get("cut_pusd", 0) - saved)


def _evidence(layer: Compress, tally: Tally, detail: Mapping[str, Any]) -> dict[str, Any]:
    before, after = tally.get("tokens_before", 0), tally.get("tokens_after", 0)
    texts, prose = tally.get("text_tokens", 0), tally.get("prose_tokens", 0)
    bill, seconds = tally.get("bill_pusd", 0), tally.get("micros", 0) / 1e6
    seen = {k.removeprefix("seen_"): v for k, v in tally.items() if k.startswith("seen_")}
    return {
        "method": detail.get("method", "assumed"),
        "model": detail.get("model") or layer.model or None,
        "segments": tally.get("segments", 0),
        "tokens_before": before, "tokens_after": after, "ratio": after / before if before else None,
        "prose_ratio": 1 - (before - after) / prose if prose else None,
        "tokens_per_second": prose / seconds if seconds else None,
        "protected_share": 1 - prose / texts if texts else None,
        "tokens_removed": tally.get("tokens_removed", 0),
        "compressible_usd": usd_float(tally.get("prose_pusd", 0)),
        "compressible_share_of_bill": tally.get("prose_pusd", 0) / bill if bill else 0.0,
        "compute_usd": usd_float(tally.get("fee_pusd", 0)),
        "lost_cache_usd": usd_float(lost_pusd(tally)),
        "break_even_rate": break_even_rate(tally),
        "reach_back_rate": reach_rate(seen) if seen else None,
        "refused_stretches": tally.get("refused", 0),
        "calls_without_text": tally.get("calls_without_text", 0),
    }  # fmt: skip


def _risk(layer: Compress, detail: Mapping[str, Any]) -> tuple[Risk, bool]:
    n, differ = int(detail.get("replayed_answers", 0)), int(detail.get(METRIC, 0))
    if not n or "method" not in detail:
        return Risk(METRIC, None, None, "unverified: no replay has compared the answers"), False
    low, high = (float(x) for x in clopper_pearson(differ, n))
    basis = f"{n:,} replayed answers over compressed prompts"
    return Risk(METRIC, differ / n, (low, high), basis), high <= layer.max_answers_differ


def _assumptions(layer: Compress, tally: Tally, really: bool) -> tuple[str, ...]:
    if not tally.get("segments"):
        return ()
    said = [
        SAME_STEPS,
        "A compressed text is kept and used again by all sessions: its compute is paid once.",
        f"The machine that compresses costs ${layer.hourly_usd:g} an hour and waits for nothing.",
    ]
    if not really:
        said += [
            f"Prose shrinks to {layer.rate:g} of its tokens: assumed, nothing was run.",
            f"A compressor reads {layer.tokens_per_second:,.0f} tokens a second: assumed.",
        ]
    return tuple(said)


def _notes(layer: Compress, tally: Tally, really: bool) -> tuple[str, ...]:
    said = []
    if not tally.get("segments"):
        said.append(f"No text of these kinds has {layer.min_tokens:,} tokens and prose in it.")
    elif (most := break_even_rate(tally)) is not None:
        prose, bill = tally["prose_pusd"], max(1, tally["bill_pusd"])
        said.append(
            f"Prose of such texts costs ${usd_float(prose):.2f} behind the provider's cache, "
            f"{prose / bill:.1%} of the bill: about the most to save."
        )
        said.append(
            f"It pays where less than {most:.0%} of the prose is kept."
            if most > 0
            else "It pays at no rate: compute and lost cache cost more than the prose itself."
        )
    if not really:
        name = layer.method if layer.method not in ("auto", "assumed") else "llmlingua2"
        said.append(
            'To measure it: pip install "costopt[compress,ranks]", then run '
            f"`costopt simulate` with `compress: {{method: {name}, model: {EXAMPLE}}}` or a folder."
        )
    if tally.get("refused"):
        said.append(f"On {tally['refused']:,} stretches the compressor failed: they stay whole.")
    if tally.get("calls_without_text"):
        said.append(f"{tally['calls_without_text']:,} calls have such texts only as hashes.")
    return tuple(said)
