"""How much of the input the provider's cache served, by the time since the session's last request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from costopt.replay.compare.measured import Row

EDGES_S = (5.0, 30.0, 60.0, 300.0, 600.0, 3600.0)
"""Upper edges. Providers keep a prefix for 5 minutes, 10, or an hour (`prices/data`)."""


def cache_by_gap(rows: Sequence[Row], sent_at_us: Mapping[str, int]) -> list[dict[str, Any]]:
    """Shares of input tokens, of rows whose endpoint says what it read; `gap_s` null: above the last edge.

    Left out: the first request of a session to a model, which has no gap; one whose time of sending was not
    told; and one of which nothing could be read and nothing was (below the provider's minimum, a prefix of
    its own): that both shares are 0 says nothing of the model.
    """
    found: dict[float | None, list[Row]] = {}
    for row, gap in _gaps(rows, sent_at_us):
        read = row.cache_read_tokens
        if read is not None and row.input_tokens and (read or row.item.predicted.cache_read_tokens):
            edge = next((e for e in EDGES_S if gap <= e), None)
            found.setdefault(edge, []).append(row)
    return [_line(edge, found[edge]) for edge in (*EDGES_S, None) if edge in found]


def _gaps(rows: Sequence[Row], sent_at_us: Mapping[str, int]) -> list[tuple[Row, float]]:
    """(row, seconds since the session last asked this model)."""
    timed = [(sent_at_us[r.item.id], r) for r in rows if r.item.id in sent_at_us]
    last: dict[tuple[int, str], int] = {}
    out = []
    for at_us, row in sorted(timed, key=lambda pair: pair[0]):
        key = (row.item.session, row.item.request.model)
        if key in last:
            out.append((row, (at_us - last[key]) / 1e6))
        last[key] = at_us
    return out


def _line(edge: float | None, rows: Sequence[Row]) -> dict[str, Any]:
    planned = sum(r.item.predicted.input_tokens for r in rows)
    read = sum(r.cache_read_tokens or 0 for r in rows)
    expected = sum(r.item.predicted.cache_read_tokens for r in rows)
    return {
        "gap_s": edge, "calls": len(rows),
        "predicted_share": expected / planned if planned else None,
        "measured_share": read / sum(r.input_tokens or 0 for r in rows),
    }  # fmt: skip
