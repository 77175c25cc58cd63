"""Replays metrics pages in the form of vLLM's own: no vLLM runs here, its page is imitated.

`MetricsServer` serves `GET /metrics`, each time the next page of a list (the last one stays), beside a
model server's other paths, which answer 404. `vllm_page` writes a page as vLLM 0.33 does
(names: https://github.com/vllm-project/vllm `v1/metrics/loggers.py`, checked 2026-11-25).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def vllm_page(
    *, queries: int = 0, hits: int = 0, prompt: int = 0, generation: int = 0, requests: int = 0,
    drafts: int = 0, draft_tokens: int = 0, accepted: list[int] | None = None, running: int = 0,
    waiting: int = 0, kv: float = 0.0, ttft_s: float = 0.0, tpot_s: float = 0.0, engines: int = 1,
) -> str:  # fmt: skip
    """A page of a server with these totals, shared out evenly over its engines.

    `accepted`: tokens by position in the draft; None: no speculation, and no such lines.
    """
    counters = {
        "prefix_cache_queries": queries, "prefix_cache_hits": hits, "prompt_tokens": prompt,
        "generation_tokens": generation, "num_preemptions": 0,
    }  # fmt: skip
    if accepted is not None:
        counters["spec_decode_num_drafts"] = drafts
        counters["spec_decode_num_draft_tokens"] = draft_tokens
        counters["spec_decode_num_accepted_tokens"] = sum(accepted)
    lines: list[str] = []
    for engine in range(engines):
        label = f'engine="{engine}",model_name="org/a \\"quoted\\" model"'
        for name, value in counters.items():
            lines += [f"# HELP vllm:{name} {name}.", f"# TYPE vllm:{name} counter",
                      f"vllm:{name}_total{{{label}}} {value / engines}",
                      f"vllm:{name}_created{{{label}}} 1.795e+09"]  # fmt: skip
        for place, value in enumerate(accepted or []):
            name = "vllm:spec_decode_num_accepted_tokens_per_pos_total"
            lines.append(f'{name}{{{label},position="{place}"}} {value / engines}')
        for reason, share in (("stop", 0.75), ("length", 0.25)):
            told = f'{label},finished_reason="{reason}"'
            lines.append(f"vllm:request_success_total{{{told}}} {requests * share / engines}")
        for name, value in (("num_requests_running", running), ("num_requests_waiting", waiting)):
            lines.append(f"vllm:{name}{{{label}}} {value / engines}")
        lines.append(f"vllm:kv_cache_usage_perc{{{label}}} {kv}")
        for name, mean in (("time_to_first_token_seconds", ttft_s),
                           ("request_time_per_output_token_seconds", tpot_s)):  # fmt: skip
            lines += [f'vllm:{name}_bucket{{{label},le="+Inf"}} {requests / engines}',
                      f"vllm:{name}_count{{{label}}} {requests / engines}",
                      f"vllm:{name}_sum{{{label}}} {mean * requests / engines}"]  # fmt: skip
    return "\n".join(lines) + "\n"


@contextmanager
def metrics_server(pages: list[str], status: int = 200) -> Iterator[str]:
    """The address of a server that shows these pages one after the other."""
    left = list(pages)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path == "/metrics" and bool(left)
            body = (left.pop(0) if len(left) > 1 else left[0]).encode() if found else b"no page"
            self.send_response(status if found else 404)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing on the screen."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
