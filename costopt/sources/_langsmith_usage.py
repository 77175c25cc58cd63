"""The counts of a LangSmith run: sent by the tracer, by the provider, or counted by LangSmith itself."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from costopt.model.call import Usage, UsageContradiction, UsageState, missing_usage
from costopt.model.usage import Counts, as_count
from costopt.sources._chat import answer_message, generations
from costopt.sources._counts import settled
from costopt.sources._rows import Row, as_map, decoded
from costopt.sources.bodies import usage_from
from costopt.sources.bodies.parts import Body, mapping

_TIERS = ("flex", "priority")


def usage_of(run: Row, outputs: Any, metadata: Body, of_body: Usage) -> tuple[Usage, str]:
    """Usage and the tier that its keys name (empty: none). Raises UsageContradiction.

    First what the provider's own body said, then what the tracer sent, then LangSmith's columns. Where
    LangChain kept the provider's counts beside its own and they agree, those split the writes better.
    """
    if of_body.state == UsageState.REPORTED and any(of_body.leaves):
        return of_body, ""
    made = [answer_message(g) for g in generations(outputs)]
    sent = [mapping(outputs).get("usage_metadata"), metadata.get("usage_metadata")]
    sent += [m.get("usage_metadata") for m in made] + [_message_usage(outputs)]
    raw = _raw_usage(outputs, made)
    for value in map(as_map, sent):
        if value.get("input_tokens"):
            usage, tier = langchain_usage(value)
            same = (usage.input_tokens, usage.output_tokens) == (
                raw.input_tokens,
                raw.output_tokens,
            )
            return (raw if same else usage), tier
    return (raw, "") if any(raw.leaves) else _columns(run, outputs)


def _raw_usage(outputs: Any, made: list[dict[str, Any]]) -> Usage:
    """The provider's counts as LangChain keeps them: of each message, or of the whole result."""
    told = [mapping(m.get("response_metadata")) for m in made]
    told.append(mapping(mapping(outputs).get("llm_output")))
    for found in told:
        for name in ("usage", "token_usage"):
            if mapping(found.get(name)):
                with suppress(UsageContradiction):  # a copy of the counts; the others decide
                    usage = usage_from(found[name])
                    if any(usage.leaves):
                        return usage
    return missing_usage()


def _message_usage(outputs: Any) -> Any:
    """Of an output that is one message, serialised by LangChain."""
    inner = mapping(mapping(outputs).get("output"))
    said = mapping(mapping(outputs).get("kwargs")) or mapping(inner.get("kwargs")) or inner
    return said.get("usage_metadata")


def _columns(run: Row, outputs: Any) -> tuple[Usage, str]:
    """Counts beside the run. Without details, on a run whose output is there, LangSmith guessed them."""
    into, tier = _details(run.get("prompt_token_details"))
    out, _ = _details(run.get("completion_token_details"))
    given, made = run.get("prompt_tokens"), run.get("completion_tokens")
    if not as_count(given, "prompt_tokens"):
        return missing_usage(), ""
    value = {
        "input_tokens": given, "output_tokens": made, "total_tokens": run.get("total_tokens"),
        "input_token_details": into, "output_token_details": out,
    }  # fmt: skip
    usage, _ = langchain_usage(value)
    if outputs and not into and not out:
        usage.state = UsageState.ESTIMATED
    return usage, tier


def langchain_usage(value: Body) -> tuple[Usage, str]:
    """LangChain's `usage_metadata`. Raises UsageContradiction."""
    into, tier = _details(value.get("input_token_details"))
    out, other = _details(value.get("output_token_details"))
    short = into.get("ephemeral_5m_input_tokens", 0)
    long = into.get("ephemeral_1h_input_tokens", 0) + into.get("ephemeral_1hr_input_tokens", 0)
    # The aggregate repeats its split; what the split leaves out has the usual five minutes.
    short += max(0, into.get("cache_creation", 0) - short - long)
    counts = Counts(
        input=as_count(value.get("input_tokens"), "input_tokens"),
        # One writer keeps the part above 200,000 inside `cache_read`, another instead of it.
        read=max(into.get("cache_read", 0), into.get("cache_read_over_200k", 0)),
        write_5m=short,
        write_1h=long,
        output=as_count(value.get("output_tokens"), "output_tokens"),
        reasoning=out.get("reasoning", 0),
        audio_in=into.get("audio", 0),
        image_in=into.get("image", 0),
        audio_out=out.get("audio", 0),
        image_out=out.get("image", 0),
    )
    return settled(counts, value.get("total_tokens"), cached_inside=True), tier or other


def _details(value: Any) -> tuple[dict[str, int], str]:
    """Details without their tier's prefix, and that tier. Version 2 keeps them under `raw`."""
    value = mapping(decoded(value))
    value = mapping(decoded(value.get("raw"))) or value
    found: dict[str, int] = {}
    tier = ""
    for name, count in value.items():
        start, _, rest = name.partition("_")
        if start in _TIERS:
            tier = start
            name = rest
        if name and not isinstance(count, dict | list):
            found[name] = found.get(name, 0) + as_count(count, name)
    return found, tier
