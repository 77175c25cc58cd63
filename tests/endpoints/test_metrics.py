"""A server's metrics before and after: differences over engines, and silence where there is no page."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from costopt.endpoints.connection import Connection
from costopt.endpoints.metrics import difference, read, server_of
from costopt.endpoints.prometheus import Page, parse
from tests.endpoints.metrics_server import metrics_server, vllm_page

BEFORE: dict[str, Any] = {
    "queries": 1000, "hits": 100, "prompt": 1000, "generation": 50, "requests": 4, "ttft_s": 9.0,
    "engines": 2,
}  # fmt: skip
AFTER: dict[str, Any] = {
    "queries": 3000, "hits": 1600, "prompt": 3100, "generation": 250, "requests": 24,
    "ttft_s": 1.75, "tpot_s": 0.012, "running": 2, "waiting": 4, "kv": 0.5, "engines": 2,
}  # fmt: skip


def both(url: str) -> tuple[Page, Page]:
    async def ask() -> tuple[Page, Page]:
        settings = Connection(f"{url}/v1", key="sk-of-a-test-0123456789")
        return await read(settings), await read(settings)

    return asyncio.run(ask())


def test_prefix_hits_and_timings_are_of_the_requests_between_the_pages() -> None:
    with metrics_server([vllm_page(**BEFORE), vllm_page(**AFTER)]) as url:
        found = difference(*both(url))
    assert found["server"] == "vllm"
    assert (found["prefix_cache_query_tokens"], found["prefix_cache_hit_tokens"]) == (2000, 1500)
    assert found["prefix_cache_hit_rate"] == 0.75
    assert (found["prompt_tokens"], found["generation_tokens"], found["requests"]) == (
        2100,
        200,
        20,
    )
    assert found["ttft_ms"] == pytest.approx(1000 * (1.75 * 24 - 9.0 * 4) / 20)
    assert found["running"] == {"before": 0.0, "after": 2.0}
    assert found["kv_cache_usage"] == {
        "before": 0.0,
        "after": 0.5,
    }  # a share: not summed over engines


def test_speculation_has_its_acceptance_by_position() -> None:
    start = vllm_page(drafts=10, draft_tokens=30, accepted=[9, 6, 3])
    end = vllm_page(drafts=110, draft_tokens=330, accepted=[89, 56, 23])
    found = difference(parse(start), parse(end))
    assert found["acceptance_rate"] == pytest.approx(150 / 300)
    assert found["mean_acceptance_length"] == pytest.approx(1 + 150 / 100)
    assert found["acceptance_by_position"] == pytest.approx([0.8, 0.5, 0.2])


def test_what_the_page_does_not_tell_is_absent() -> None:
    found = difference(parse(vllm_page()), parse(vllm_page(queries=0)))
    assert "acceptance_rate" not in found and "prefix_cache_hit_rate" not in found
    assert "ttft_ms" not in found  # no request between the pages has none
    assert "prompt_tokens_cached" not in found


def test_a_server_that_started_anew_has_no_difference() -> None:
    found = difference(parse(vllm_page(**AFTER)), parse(vllm_page(**BEFORE)))
    assert "prompt_tokens" not in found and "anew" in found["notes"][0]


@pytest.mark.parametrize(
    ("pages", "status"),
    [([], 200), (["<html>not here</html>"], 200), ([vllm_page()], 503), (["go_gc 1\n"], 200)],
)
def test_no_page_is_no_metrics(pages: list[str], status: int) -> None:
    with metrics_server(pages, status) as url:
        assert difference(*both(url)) == {}


def test_nobody_there_is_no_metrics() -> None:
    assert difference(*both("http://127.0.0.1:9")) == {}


def test_older_vllm_counted_blocks_so_only_the_ratio_is_told() -> None:
    def page(hits: int, queries: int) -> Page:
        told = f"vllm:gpu_prefix_cache_hits_total {hits}\nvllm:gpu_prefix_cache_queries_total {queries}\n"
        return parse(told + "vllm:gpu_cache_usage_perc 0.2\n")

    found = difference(page(1, 10), page(4, 16))
    assert found["prefix_cache_hit_rate"] == 0.5 and "prefix_cache_hit_tokens" not in found
    assert found["kv_cache_usage"]["after"] == 0.2


def test_sglang_speaks_of_cached_tokens_and_of_acceptance_as_gauges() -> None:
    start = 'sglang:prompt_tokens_total{tp_rank="0"} 10\nsglang:cached_tokens_total 0\n'
    end = (
        'sglang:prompt_tokens_total{tp_rank="0"} 110\nsglang:cached_tokens_total 40\n'
        "sglang:spec_accept_length 2.5\nsglang:token_usage 0.25\nsglang:num_queue_reqs 3\n"
    )
    found = difference(parse(start), parse(end))
    assert found["server"] == "sglang" and found["prefix_cache_hit_rate"] == 0.4
    assert found["acceptance_length_gauge"]["after"] == 2.5 and found["waiting"]["after"] == 3


def test_the_text_format_survives_quotes_timestamps_and_nonsense() -> None:
    page = parse(
        'a_b{x="1\\"}",y="\\\\"} 3 1795000000\n# c 1\nnan_one NaN\nbroken{\nd +Inf\ne 1e3\n'
    )
    assert page.samples["a_b"] == [({"x": '1"}', "y": "\\"}, 3.0)]
    assert page.total("e") == 1000 and page.total("nan_one", "d") is None
    assert server_of(page) == ""
