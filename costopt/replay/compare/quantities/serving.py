"""How fast a server of one's own answers, as its client sees it."""

from __future__ import annotations

from collections.abc import Sequence

from costopt.replay.compare.measured import Row
from costopt.replay.compare.quantities.base import Asked, Found, median, quantity


def serving(asked: Asked) -> Found:
    """`TTFT 210 ms, TPOT 18.2 ms`: medians, at the concurrency of this replay."""
    times = timings(asked.rows)
    rows = [
        quantity(what, None, value, unit, n)
        for what, unit, (value, n) in (
            ("ttft_ms", "ms", times["ttft_ms"]), ("tpot_ms", "ms", times["tpot_ms"]),
        ) if value is not None
    ]  # fmt: skip
    said = [f"{q['what'][:4].upper()} {q['measured']:,.4g} ms" for q in rows]
    return Found(rows, ", ".join(said))


def timings(rows: Sequence[Row]) -> dict[str, tuple[float | None, int]]:
    """Median and number of answers: time to the first token, time a later token, whole latency."""
    first = [r.completion.ttft_ms for r in rows if r.completion.ttft_ms is not None]
    later = [ms for r in rows if (ms := tpot_ms(r)) is not None]
    whole = [r.completion.latency_ms for r in rows if r.item.request.service_tier != "batch"]
    found = {"ttft_ms": first, "tpot_ms": later, "latency_ms": whole}
    return {what: (median(values), len(values)) for what, values in found.items()}


def tpot_ms(row: Row) -> float | None:
    """Mean time a token behind the first; None: not streamed, or there is no second."""
    first, tokens = row.completion.ttft_ms, row.output_tokens
    if first is None or tokens is None or tokens < 2:
        return None
    return max(0.0, row.completion.latency_ms - first) / (tokens - 1)
