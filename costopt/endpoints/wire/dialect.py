"""Servers of OpenAI's chat language, and where they differ: a field that one needs another refuses.

Told by the host. What is on nobody's list gets the standard fields alone, which every server takes
(`transformers serve` answers 422 to a name that is not in OpenAI's schema, and passes over what it does not
do). Sources, checked 2026-11-25: https://platform.openai.com/docs/api-reference/chat/create,
https://openrouter.ai/docs/api-reference/parameters, https://docs.mistral.ai/api/,
https://api-docs.deepseek.com/api/create-chat-completion, https://console.groq.com/docs/api-reference,
https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html,
https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md,
https://github.com/huggingface/transformers/blob/main/src/transformers/cli/serving/chat_completion.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

STANDARD = frozenset((
    "frequency_penalty", "presence_penalty", "logit_bias", "logprobs", "top_logprobs", "n",
    "parallel_tool_calls", "reasoning_effort", "response_format", "seed", "stop", "tool_choice", "top_p",
))  # fmt: skip
"""Parameters that OpenAI's language has everywhere."""
_OPENAI = STANDARD | {"verbosity", "modalities", "audio", "prediction", "prompt_cache_retention"}
_OPENROUTER = STANDARD | {
    "top_k", "min_p", "top_a", "repetition_penalty", "reasoning", "verbosity", "structured_outputs",
    "include_reasoning", "transforms",
}  # fmt: skip
_MISTRAL = STANDARD - {"seed", "logit_bias", "logprobs", "top_logprobs", "reasoning_effort"}


@dataclass(frozen=True)
class Dialect:
    """What a server of OpenAI's chat language takes."""

    name: str
    limit: str = "max_tokens"
    """Name of the output cap. OpenAI's reasoning models refuse `max_tokens`; other servers know no other."""
    parameters: frozenset[str] = STANDARD
    """Further parameters, by OpenAI's names. Others are left out and reported."""
    stream_usage: bool = True
    """`stream_options.include_usage` must be asked for; False: the server refuses to be asked."""
    service_tier: bool = False
    cache_key: bool = False
    """`prompt_cache_key`."""
    cache_marks: bool = False
    """Anthropic's `cache_control` on parts of content."""
    parts: bool = True
    """Content may be a list of parts. False: text alone, so that each block is a message of its own."""
    reasoning: str = ""
    """Field of an assistant's message in which earlier reasoning goes back; empty: it is left out."""


OPENAI = Dialect("openai", "max_completion_tokens", _OPENAI, service_tier=True, cache_key=True)
OPENROUTER = Dialect("openrouter", parameters=_OPENROUTER, cache_marks=True)
MISTRAL = Dialect("mistral", parameters=_MISTRAL, stream_usage=False)
TEXT_ALONE = Dialect("text alone", parts=False)
COMPATIBLE = Dialect("compatible")
_HOSTS = (
    ("api.openai.com", OPENAI), ("openai.com", OPENAI), ("openai.azure.com", OPENAI),
    ("services.ai.azure.com", OPENAI),
    ("cognitiveservices.azure.com", OPENAI), ("openrouter.ai", OPENROUTER), ("api.mistral.ai", MISTRAL),
    ("api.deepseek.com", TEXT_ALONE), ("api.groq.com", TEXT_ALONE),
)  # fmt: skip


def dialect_of(base_url: str) -> Dialect:
    """By the address."""
    host = (urlsplit(base_url).hostname or "").lower()
    return next((d for name, d in _HOSTS if host == name or host.endswith("." + name)), COMPATIBLE)
