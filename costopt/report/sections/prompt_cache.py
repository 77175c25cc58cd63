"""The provider's prompt cache: served, possible, modelled."""

from __future__ import annotations

from costopt.model.result import Result
from costopt.report.card import Card, Cell, Chart, NotApplicable, Series, Table

ORDER = 50
NAME, TITLE = "prompt_cache", "The provider's prompt cache"


def build(result: Result) -> Card | NotApplicable:
    """Cached against fresh input by model, and how well the model of the cache fits."""
    cache = result.prompt_cache
    models = [m for m in result.bill.by_model if int(m["input_tokens"])]
    if not models:
        return NotApplicable(NAME, TITLE, "no call reports its input")
    labels = [str(m["model"]) for m in models[:10]]
    cached = [float(m["cached_input_tokens"]) for m in models[:10]]
    fresh = [float(m["input_tokens"]) - c for m, c in zip(models[:10], cached, strict=True)]
    chart = Chart(
        "cached_fresh", "Input tokens: from the provider's cache and fresh", "stack", labels,
        [Series("from cache", list(cached)), Series("fresh or written", list(fresh))],
        "count", x_label="tokens",
    )  # fmt: skip
    rows: list[tuple[Cell, ...]] = [
        (
            str(m["model"]), m["recorded_share"], m["ideal_share"], m["modelled_share"],
            m["heldout_residual_pp"],
        )
        for m in cache.by_model
    ]  # fmt: skip
    table = Table(
        "Share of input read from the cache",
        ("model", "recorded", "longest shared prefix", "modelled", "held-out residual, pp"),
        ("text", "share", "share", "share", "number"), rows,
    )  # fmt: skip
    lead = "The log does not say what was read from the cache."
    if cache.recorded_share is not None:
        lead = f"It served {100 * cache.recorded_share:.1f} % of the input."
    return Card(NAME, TITLE, lead, tables=[table] if rows else [], charts=[chart])
