"""What a self-hosted server says of itself before and after a replay: prefix cache, speculation, queue.

Names: vLLM 0.33 `v1/metrics/loggers.py` and `v1/spec_decode/metrics.py` (https://github.com/vllm-project/vllm),
SGLang 0.5.23 `srt/observability/metrics_collector.py` (https://github.com/sgl-project/sglang), both
checked 2026-11-25. A difference is of the whole server: what others sent meanwhile is in it.
"""

from __future__ import annotations

import asyncio
from typing import Any

from costopt.endpoints.bounded import PACKED, bound
from costopt.endpoints.client import tls
from costopt.endpoints.client_library import http
from costopt.endpoints.connection import Connection
from costopt.endpoints.prometheus import Page, parse

_MOST_BYTES = 16_000_000
_PATIENCE_S = 5.0

# What it is called here, and in which unit, to the counters that may hold it, newest name first.
_VLLM_COUNTERS: dict[str, tuple[str, ...]] = {
    "prefix_cache_query_tokens": ("vllm:prefix_cache_queries_total",),
    "prefix_cache_hit_tokens": ("vllm:prefix_cache_hits_total",),
    "prompt_tokens": ("vllm:prompt_tokens_total",),
    "prompt_tokens_cached": ("vllm:prompt_tokens_cached_total",),
    "generation_tokens": ("vllm:generation_tokens_total",),
    "drafts": ("vllm:spec_decode_num_drafts_total",),
    "draft_tokens": ("vllm:spec_decode_num_draft_tokens_total",),
    "accepted_tokens": ("vllm:spec_decode_num_accepted_tokens_total",),
    "preemptions": ("vllm:num_preemptions_total",),
    "requests": ("vllm:request_success_total",),
}
_SGLANG_COUNTERS: dict[str, tuple[str, ...]] = {
    "prompt_tokens": ("sglang:prompt_tokens_total",),
    "prompt_tokens_cached": ("sglang:cached_tokens_total",),
    "generation_tokens": ("sglang:generation_tokens_total",),
    "requests": ("sglang:num_requests_total",),
    "aborted_requests": ("sglang:num_aborted_requests_total",),
}
# Histograms whose mean is wanted, in milliseconds.
_MEANS: dict[str, tuple[str, ...]] = {
    "ttft_ms": ("time_to_first_token_seconds",),
    "tpot_ms": ("request_time_per_output_token_seconds", "inter_token_latency_seconds",
                "time_per_output_token_seconds"),
    "latency_ms": ("e2e_request_latency_seconds",),
    "queue_ms": ("request_queue_time_seconds", "queue_time_seconds"),
}  # fmt: skip
_GAUGES: dict[str, tuple[str, ...]] = {
    "running": ("vllm:num_requests_running", "sglang:num_running_reqs"),
    "waiting": ("vllm:num_requests_waiting", "sglang:num_queue_reqs"),
}
# A share of each engine: their sum would be none.
_SHARES: dict[str, tuple[str, ...]] = {
    "kv_cache_usage": (
        "vllm:kv_cache_usage_perc",
        "vllm:gpu_cache_usage_perc",
        "sglang:token_usage",
    ),
    "acceptance_rate_gauge": ("sglang:spec_accept_rate",),
    "acceptance_length_gauge": ("sglang:spec_accept_length",),
}
# vLLM's first V1 releases counted blocks under these names: only their ratio means something.
_OLD_RATIO = ("vllm:gpu_prefix_cache_hits_total", "vllm:gpu_prefix_cache_queries_total")
_PER_POSITION = "vllm:spec_decode_num_accepted_tokens_per_pos_total"


async def read(connection: Connection) -> Page:
    """The server's metrics page; empty where it has none, or cannot be reached."""
    library = http()
    headers = {"Authorization": f"Bearer {connection.key}"} if connection.key else {}
    try:
        async with asyncio.timeout(_PATIENCE_S), library.AsyncClient(
            follow_redirects=False, verify=tls(connection), timeout=_PATIENCE_S,
            event_hooks={"response": [bound(_MOST_BYTES)]},
        ) as client:  # fmt: skip
            answer = await client.get(f"{connection.root}/metrics", headers=headers | PACKED)
    except (library.HTTPError, OSError, TimeoutError):
        return Page()
    if answer.status_code != 200:
        return Page()
    page = parse(answer.text)
    return page if server_of(page) else Page()


def server_of(page: Page) -> str:
    """vllm, sglang; empty: a page of something else."""
    for name in ("vllm", "sglang"):
        if any(sample.startswith(f"{name}:") for sample in page.samples):
            return name
    return ""


def difference(before: Page, after: Page) -> dict[str, Any]:
    """What happened between two pages, as `ReplayInfo.endpoint_metrics`; {} where there is no page.

    Counts are tokens or requests, `_ms` means are over the requests between the pages. What the page
    does not tell is absent, never 0.
    """
    server = server_of(after)
    if not server or server_of(before) != server:
        return {}
    counters = _VLLM_COUNTERS if server == "vllm" else _SGLANG_COUNTERS
    if any(_fell(before, after, told) for told in counters.values()):
        return {
            "server": server,
            "notes": ["The server started anew meanwhile: nothing to compare."],
        }
    found: dict[str, Any] = {"server": server}
    for name, told in counters.items():
        grown = _grown(before, after, told)
        if grown is not None:
            found[name] = grown
    for name, told in _MEANS.items():
        mean = _mean_ms(before, after, server, told)
        if mean is not None:
            found[name] = mean
    _add_gauges(found, before, after)
    _add_ratios(found, before, after)
    return found


def _grown(before: Page, after: Page, names: tuple[str, ...]) -> int | None:
    """Of a counter. One that begins with its first event is absent before it, which is 0."""
    end = after.total(*names)
    return None if end is None else round(end - (before.total(*names) or 0.0))


def _fell(before: Page, after: Page, names: tuple[str, ...]) -> bool:
    start = before.total(*names)
    return start is not None and (after.total(*names) or 0.0) < start


def _mean_ms(before: Page, after: Page, server: str, names: tuple[str, ...]) -> float | None:
    for name in names:
        stem = f"{server}:{name}"
        count = _grown(before, after, (f"{stem}_count",))
        end, start = after.total(f"{stem}_sum"), before.total(f"{stem}_sum") or 0.0
        if count and end is not None:
            return 1000 * (end - start) / count
    return None


def _add_gauges(found: dict[str, Any], before: Page, after: Page) -> None:
    for name, told in _GAUGES.items():
        if (now := after.total(*told)) is not None:
            found[name] = {"before": before.total(*told), "after": now}
    for name, told in _SHARES.items():
        if (now := after.largest(*told)) is not None:
            found[name] = {"before": before.largest(*told), "after": now}


def _add_ratios(found: dict[str, Any], before: Page, after: Page) -> None:
    """Shares of the difference itself; none of nothing."""
    hits, queries = found.get("prefix_cache_hit_tokens"), found.get("prefix_cache_query_tokens")
    if hits is None:
        hits, queries = (_grown(before, after, (name,)) for name in _OLD_RATIO)
    if hits is None:
        hits, queries = found.get("prompt_tokens_cached"), found.get("prompt_tokens")
    if hits is not None and queries:
        found["prefix_cache_hit_rate"] = hits / queries
    accepted = found.get("accepted_tokens")
    if accepted is not None and found.get("draft_tokens"):
        found["acceptance_rate"] = accepted / found["draft_tokens"]
    if accepted is not None and found.get("drafts"):
        found["mean_acceptance_length"] = 1 + accepted / found["drafts"]
        found["acceptance_by_position"] = _by_position(before, after, found["drafts"])


def _by_position(before: Page, after: Page, drafts: int) -> list[float]:
    """[position] share of drafts whose token at that place was accepted."""
    start, end = before.by("position", _PER_POSITION), after.by("position", _PER_POSITION)
    places = sorted((p for p in end if p.isdigit()), key=int)
    return [(end[p] - start.get(p, 0.0)) / drafts for p in places]
