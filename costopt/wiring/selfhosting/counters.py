"""A server's own counters in words, and what follows from them for the simulator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from costopt.endpoints.prometheus import Page
from costopt.errors import UsageError
from costopt.serving.speculation.arithmetic import conditional_acceptance


def from_the_start(page: Page) -> Page:
    """The page as it was when the server started: every counter at 0."""
    zeros = {n: [(labels, 0.0) for labels, _ in found] for n, found in page.samples.items()}
    return Page(zeros)


def drafted(told: Mapping[str, Any]) -> tuple[int, float] | None:
    """(tokens of a draft, tokens a step) where the server speculates."""
    if not told.get("drafts") or not told.get("draft_tokens"):
        return None
    return round(told["draft_tokens"] / told["drafts"]), float(told["mean_acceptance_length"])


def acceptance(told: Mapping[str, Any]) -> float | None:
    """Conditional acceptance a position, from accepted / drafted; None: nothing was drafted."""
    found = drafted(told)
    if found is None or found[0] < 1 or "acceptance_rate" not in told:
        return None
    try:
        return conditional_acceptance(min(float(told["acceptance_rate"]), 1.0), found[0])
    except UsageError:
        return None


def said(told: Mapping[str, Any]) -> list[str]:
    """What the counters tell, a line each. What the page does not tell is absent."""
    lines = [str(note) for note in told.get("notes", ())]
    lines += _requests(told)
    if "prefix_cache_hit_rate" in told:
        lines.append(
            f"prefix cache: {told['prefix_cache_hit_rate']:.1%} of the prompt tokens found"
        )
    rate = acceptance(told)
    found = drafted(told)
    if found is not None and "acceptance_rate" in told:
        text = f"speculation: {told['acceptance_rate']:.1%} of {found[0]} drafted tokens accepted"
        text += f", {found[1]:.2f} tokens a step"
        if rate is not None:
            text += f"; given that all before were accepted: {rate:.1%} a position"
        lines.append(text)
    lines += _times(told) + _gauges(told)
    return lines


def _requests(told: Mapping[str, Any]) -> list[str]:
    parts = [
        f"{told[name]:,} {words}"
        for name, words in (
            ("requests", "requests"), ("prompt_tokens", "prompt tokens"),
            ("generation_tokens", "output tokens"), ("preemptions", "preemptions"),
        )
        if told.get(name) is not None
    ]  # fmt: skip
    return [", ".join(parts)] if parts else []


def _times(told: Mapping[str, Any]) -> list[str]:
    names = (("ttft_ms", "TTFT"), ("tpot_ms", "TPOT"), ("queue_ms", "queue"), ("latency_ms", "E2E"))
    parts = [f"{words} {told[name]:,.1f} ms" for name, words in names if name in told]
    return [f"means of the server's own clock: {', '.join(parts)}"] if parts else []


def _gauges(told: Mapping[str, Any]) -> list[str]:
    parts = []
    for name, words in (("running", "running"), ("waiting", "waiting")):
        if name in told:
            parts.append(f"{told[name]['after']:,.0f} {words}")
    if "kv_cache_usage" in told:
        parts.append(f"KV cache {told['kv_cache_usage']['after']:.1%} full")
    return [f"now: {', '.join(parts)}"] if parts else []
