"""Langfuse's usage details: a map of free keys, of which some repeat or contain others.

Langfuse takes every key for tokens of its own: cached, audio and reasoning tokens stand beside `input` and
`output`. Writers that send details as they got them mean them inside; the total decides, key by key group.
https://langfuse.com/docs/observability/features/token-and-cost-tracking, checked 2026-11-24.
"""

from __future__ import annotations

from typing import Any

from costopt.model.call import Usage, missing_usage
from costopt.model.usage import Counts, as_count
from costopt.sources._counts import settled
from costopt.sources._rows import Row, as_map, first, numeric
from costopt.sources.bodies import usage_from
from costopt.sources.bodies.parts import Body, text

_SUMS = (
    ("promptTokens", "completionTokens", "totalTokens"),
    ("inputUsage", "outputUsage", "totalUsage"),
)


def usage_of(row: Row) -> Usage:
    """Counts of an observation: its details, else the sums beside them. Raises UsageContradiction."""
    details = as_map(first(row, "usageDetails", "usage_details"))
    if _says_something(details):
        return details_usage(details)
    old = as_map(row.get("usage"))
    if old and text(old.get("unit")).upper() in ("", "TOKENS") and _says_something(old):
        return details_usage(old)
    for given, made, whole in _SUMS:
        if as_count(row.get(given), given) or as_count(row.get(made), made):
            return details_usage(
                {"input": row.get(given), "output": row.get(made), "total": row.get(whole)}
            )
    return missing_usage()


def _says_something(details: Body) -> bool:
    return any(isinstance(v, dict) for v in details.values()) or any(_tokens(details).values())


def _tokens(details: Body) -> dict[str, int]:
    """Counts by key in lower case, without what is text (a unit, a tier)."""
    return {
        name.lower(): as_count(value, name)
        for name, value in details.items()
        if not isinstance(value, dict | list)
        and not (isinstance(value, str) and numeric(value) is None)
    }


def details_usage(details: Body) -> Usage:
    """Usage of a map of token counts under any names. Raises UsageContradiction."""
    if any(isinstance(value, dict) for value in details.values()):
        return usage_from(dict(details))  # a provider's usage object, sent as it was
    found = _Keys(details)
    if not (found.input or found.read or found.output):
        return missing_usage()
    return settled(
        found.counts(), found.total, cached_inside=found.dotted, reasoning_inside=found.dotted
    )


class _Keys:
    """The keys of one map, sorted by what they count."""

    def __init__(self, details: Body) -> None:
        self.input = self.output = self.read = self.reasoning = self.total = 0
        self.flat = self.short = self.long = 0
        self.modal: dict[str, int] = {}
        # `prompt_details.cache_read` is OpenInference's spelling, which means inside.
        self.dotted = any("_details." in name for name in details)
        for name, count in _tokens(details).items():
            self._add(name, count)

    def _add(self, name: str, count: int) -> None:
        if "total" in name:
            self.total = count
        elif "cache_miss" in name or "web_search" in name:  # the rest of the input; no tokens
            return
        elif "reason" in name or "thought" in name or "thinking" in name:
            self.reasoning += count
        elif "creation" in name or "write" in name or "ephemeral" in name:
            self._add_write(name, count)
        elif "cache" in name:
            self.read += count
        elif "audio" in name or "image" in name:
            side = "out" if "output" in name or "completion" in name else "in"
            key = ("audio_" if "audio" in name else "image_") + side
            self.modal[key] = self.modal.get(key, 0) + count
        elif "output" in name or "completion" in name or "candidates" in name:
            self.output += count
        elif "input" in name or "prompt" in name:
            self.input += count

    def _add_write(self, name: str, count: int) -> None:
        if "1h" in name:
            self.long += count
        elif "5m" in name:
            self.short += count
        else:
            self.flat += count

    def counts(self) -> Counts:
        """One `Counts` in which audio and images are part of input and output."""
        writes = self.short + self.long
        given, made = self.input, self.output
        audio_in, image_in = self.modal.get("audio_in", 0), self.modal.get("image_in", 0)
        audio_out, image_out = self.modal.get("audio_out", 0), self.modal.get("image_out", 0)
        if not self.dotted and not self._modal_inside():
            given, made = given + audio_in + image_in, made + audio_out + image_out
        if self.flat and writes and not self.dotted:
            given = self._once(given, made)
        return Counts(
            input=given,
            read=self.read,
            write_5m=self.short + max(0, self.flat - writes),
            write_1h=self.long,
            output=made,
            reasoning=self.reasoning,
            audio_in=audio_in,
            image_in=image_in,
            audio_out=audio_out,
            image_out=image_out,
        )

    def _modal_inside(self) -> bool:
        """The total fits without audio and images only where they are part of the sums already."""
        modal = sum(self.modal.values())
        rest = self.read + self.flat + self.short + self.long + self.reasoning
        return bool(modal) and self.total in (
            self.input + self.output, self.input + self.output + rest,
        )  # fmt: skip

    def _once(self, given: int, made: int) -> int:
        """LangChain's writes came as a sum and as its split, and Langfuse took both off the input."""
        written = max(self.flat, self.short + self.long)
        shown = given + self.read + written + made
        for output in (shown, shown + self.reasoning):
            lost = self.total - output
            if 0 < lost <= min(self.flat, self.short + self.long):
                return given + lost
        return given


def recorded(row: Row) -> list[Any]:
    """Amounts to sum: the recorded total, else its parts. Langfuse's own, or the user's."""
    details = as_map(first(row, "costDetails", "cost_details"))
    whole = first(details, "total")
    whole = whole if whole is not None else first(row, "totalCost", "total_cost")
    whole = whole if whole is not None else row.get("calculatedTotalCost")
    if whole is None:
        return [value for name, value in details.items() if name != "total"]
    return [whole]
