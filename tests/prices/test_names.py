"""One normaliser, tested over all spellings: what resolves, to what, and what must not."""

from __future__ import annotations

import time

import pytest

from costopt.prices import match
from costopt.prices.catalog import Row, catalog
from costopt.prices.contract import DatedRates, Unpriced
from costopt.prices.names import bare, claude_version, provider_id, spellings
from tests.prices.pricing import book


@pytest.mark.parametrize(
    ("provider", "model", "row"),
    [
        # OpenAI: alias, snapshots, compact dates, dashes for dots, prefixes
        ("openai", "gpt-4o", "openai/gpt-4o"),
        ("OpenAI", "GPT-4o", "openai/gpt-4o"),
        ("", "gpt-4o", "openai/gpt-4o"),
        ("openai", "gpt-4o-2024-11-20", "openai/gpt-4o"),
        ("openai", "gpt-4o-20241120", "openai/gpt-4o"),
        ("openai", "openai/gpt-4o", "openai/gpt-4o"),
        ("", "openai/gpt-4o-mini", "openai/gpt-4o-mini"),
        ("openai", "gpt-4o-2024-05-13", "openai/gpt-4o-2024-05-13"),
        ("openai", "gpt-4.1-mini-2025-04-14", "openai/gpt-4.1-mini"),
        ("openai", "gpt-4-1-mini", "openai/gpt-4.1-mini"),
        ("openai", "gpt-5-mini-2025-08-07", "openai/gpt-5-mini"),
        ("openai", "gpt-5-nano", "openai/gpt-5-nano"),
        ("openai", "gpt-5.4-mini", "openai/gpt-5.4-mini"),
        ("openai", "gpt-5.2-codex", "openai/gpt-5.2"),
        ("openai", "gpt-4-0125-preview", "openai/gpt-4-turbo"),
        ("openai", "o4-mini-2025-04-16", "openai/o4-mini"),
        ("openai", "ft:gpt-4o-mini-2024-07-18:acme::a1", "openai/ft:gpt-4o-mini"),
        # Azure: the body's model, or the deployment that is named like one
        ("azure", "gpt-4o-mini", "openai/gpt-4o-mini"),
        ("azure_openai", "gpt-35-turbo", "openai/gpt-3.5-turbo"),
        ("azure", "azure/gpt-4.1-2025-04-14", "openai/gpt-4.1"),
        ("azure", "o3", "openai/o3"),
        # Anthropic: dates, dots, both word orders, clouds
        ("anthropic", "claude-sonnet-4-5-20250929", "anthropic/claude-sonnet-4-5"),
        ("anthropic", "claude-sonnet-4-5", "anthropic/claude-sonnet-4-5"),
        ("", "claude-sonnet-4.5", "anthropic/claude-sonnet-4-5"),
        ("", "claude-4.5-sonnet", "anthropic/claude-sonnet-4-5"),
        ("", "anthropic/claude-sonnet-4-5-20250929", "anthropic/claude-sonnet-4-5"),
        ("anthropic", "claude-opus-4-20250514", "anthropic/claude-opus-4-0"),
        ("anthropic", "claude-sonnet-4-20250514", "anthropic/claude-sonnet-4-0"),
        ("anthropic", "claude-opus-4-1-20250805", "anthropic/claude-opus-4-1"),
        ("anthropic", "claude-3-5-sonnet-latest", "anthropic/claude-3-5-sonnet"),
        ("anthropic", "claude-opus-4-6[1m]", "anthropic/claude-opus-4-6"),
        ("vertex_ai", "claude-3-5-sonnet-v2@20241022", "google/claude-3-5-sonnet"),
        ("google_vertexai", "publishers/anthropic/models/claude-haiku-4-5@20251001",
         "google/claude-haiku-4-5"),
        ("bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
         "aws/regional.anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ("", "anthropic.claude-3-haiku-20240307-v1:0",
         "aws/regional.anthropic.claude-3-haiku-20240307-v1:0"),
        ("amazon_bedrock", "arn:aws:bedrock:us-east-1:1:profile/global.anthropic.claude-opus-4-6-v1",
         "aws/global.anthropic.claude-opus-4-6-v1:0"),
        ("litellm", "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0",
         "aws/regional.anthropic.claude-sonnet-4-5-20250929-v1:0"),
        # Gemini
        ("google", "models/gemini-2.5-flash", "google/gemini-2.5-flash"),
        ("gemini", "gemini/gemini-2.5-pro", "google/gemini-2.5-pro"),
        ("google", "gemini-2.5-pro-preview-05-06", "google/gemini-2.5-pro"),
        ("", "gemini-3-flash-preview", "google/gemini-3-flash-preview"),
        # OpenRouter passes makers' prices through; other slugs are its own
        ("openrouter", "google/gemini-3-pro-preview", "google/gemini-3-pro-preview"),
        ("openrouter", "google/gemini-3-pro-preview-20251117", "google/gemini-3-pro-preview"),
        ("", "openrouter/google/gemini-3-pro-preview", "google/gemini-3-pro-preview"),
        ("openai", "openrouter/google/gemini-3-pro-preview", "google/gemini-3-pro-preview"),
        ("openrouter", "anthropic/claude-4.5-sonnet-20250929", "anthropic/claude-sonnet-4-5"),
        ("openrouter", "openai/gpt-5.2-20251211", "openai/gpt-5.2"),
        ("openrouter", "deepseek/deepseek-chat-v3-0324", "openrouter/deepseek/deepseek-chat-v3-0324"),
        # Others
        ("xai", "grok-4-0709", "x-ai/grok-4-0709"),
        ("", "xai/grok-4", "x-ai/grok-4-0709"),
        ("deepseek", "deepseek-reasoner", "deepseek/deepseek-reasoner"),
        ("groq", "openai/gpt-oss-120b", "groq/openai/gpt-oss-120b"),
        ("", "groq/llama-3.3-70b-versatile", "groq/llama-3.3-70b-versatile"),
        # an SDK's provider in front of a gateway: the prefix says who serves
        ("openai", "anthropic/claude-sonnet-4-5", "anthropic/claude-sonnet-4-5"),
    ],
)  # fmt: skip
def test_spellings_of_one_model(provider: str, model: str, row: str) -> None:
    found = book().canonical(provider, model)
    assert found is not None, book().find(provider, model)
    assert "/".join(found) == row


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "gpt-5.4-mini-pro"),
        ("openai", "gpt-5-mini-turbo"),
        ("openai", "my-gpt-4o"),
        ("openai", "gpt-4o-huge"),
        ("openai", "gpt-9"),
        ("google", "gemini-1.5-flash-8b-large"),
        ("anthropic", "claude-opus-4-10"),
        ("anthropic", "claude-sonnet-4-5-mini"),
        ("azure", "prod-chat"),
        ("azure", "o4-mini-extra"),
        ("nobody", "gpt-4o"),
        ("openrouter", "google/gemini-3-pro-preview:nitro"),
        ("openrouter", "openrouter/auto"),
        ("vllm", "Qwen/Qwen3-8B"),
        ("", "my-local-model"),
        ("", "<synthetic>"),
        ("openai", ""),
        ("bedrock", "arn:aws:bedrock:us-east-1:1:application-inference-profile/abc"),
    ],
)
def test_no_match_is_unpriced_never_another_model(provider: str, model: str) -> None:
    found = book().rates(provider, model)
    assert isinstance(found, Unpriced), found
    assert found.reason
    assert book().canonical(provider, model) is None


def test_nearest_names_are_named() -> None:
    found = book().rates("openai", "gpt-5-mnii")
    assert isinstance(found, Unpriced)
    assert "gpt-5-mini" in found.candidates


def test_a_makers_model_at_another_provider_is_named_not_assumed() -> None:
    found = book().rates("openai", "gemini-2.5-flash")
    assert isinstance(found, Unpriced)
    assert found.candidates[0] == "google/gemini-2.5-flash"


def test_ambiguity_is_said_with_the_candidates() -> None:
    hosts = book().rates("", "openai/gpt-oss-120b")
    assert isinstance(hosts, Unpriced)
    assert hosts.ambiguous
    assert len(hosts.candidates) > 2
    # A snapshot that nobody lists: gpt-4o's snapshots do not all have one price.
    snapshot = book().rates("openai", "gpt-4o-2024-09-09")
    assert isinstance(snapshot, Unpriced)
    assert snapshot.ambiguous
    assert "openai/gpt-4o-2024-05-13" in snapshot.candidates
    # o3's do.
    assert isinstance(book().rates("openai", "o3-2025-12-31"), DatedRates)


def test_free_is_a_listed_zero_and_an_empty_row_is_not() -> None:
    free = book().rates("openrouter", "some/new-model:free")
    assert isinstance(free, DatedRates)
    assert set(free.periods[0].tiers[0].rates) == {0}
    assert isinstance(book().rates("google", "gemma-3"), Unpriced)


def test_every_id_that_the_book_lists_resolves_to_its_own_row() -> None:
    for shelf in catalog().values():
        for name in list(shelf.listed):
            found = shelf.find(name)
            assert isinstance(found, Row), (shelf.id, name, found)
            listed = shelf.listed[name]
            assert found.info is listed


@pytest.mark.parametrize("size", ["-mini", "-nano", "-pro", "-lite"])
def test_a_size_suffix_never_falls_off(size: str) -> None:
    for shelf in catalog().values():
        for name in list(shelf.listed):
            found = shelf.find(name + size)
            tuned = "ft:" in name or ".ft-" in name  # what follows is the tuner's own name
            if isinstance(found, Row) and not tuned:
                listed = match.literals(found.info.match) + [found.model.lower()]
                spelled = [s for other in listed for s in spellings(other)]
                assert any(s.endswith(size) for s in spelled), (shelf.id, name + size, found.model)


@pytest.mark.parametrize(
    ("words", "provider"),
    [
        # OpenTelemetry's gen_ai.provider.name, and the older gen_ai.system
        ("openai", "openai"), ("anthropic", "anthropic"), ("cohere", "cohere"), ("groq", "groq"),
        ("deepseek", "deepseek"), ("perplexity", "perplexity"), ("mistral_ai", "mistral"),
        ("x_ai xai", "x-ai"), ("aws.bedrock aws_bedrock", "aws"),
        ("gcp.gemini gcp.gen_ai gcp.vertex_ai gcp.vertex.agent vertex_ai gemini", "google"),
        ("azure.ai.openai az.ai.openai azure.ai.inference az.ai.inference", "azure"),
        # the AI SDK's <provider>.<api>
        ("openai.chat openai.responses openai.completion openai.embedding", "openai"),
        ("azure.responses azure-openai.chat azure.chat", "azure"), ("anthropic.messages", "anthropic"),
        ("google.generative-ai google.vertex.chat google-vertex vertex.anthropic.messages", "google"),
        ("google.vertex.anthropic.messages", "google"), ("amazon-bedrock", "aws"),
        ("mistral.chat", "mistral"), ("xai.chat xai.responses", "x-ai"), ("groq.chat", "groq"),
        ("togetherai.chat", "together"), ("fireworks.chat", "fireworks"), ("cohere.chat", "cohere"),
        ("openrouter.chat", "openrouter"), ("deepseek.chat", "deepseek"),
    ],
)  # fmt: skip
def test_provider_words_of_tracers_and_sdks(words: str, provider: str) -> None:
    for word in words.split():
        assert provider_id(word) == provider, word
        assert provider_id(word.upper()) == provider, word


def test_the_api_behind_a_provider_says_nothing_of_who_is_unknown() -> None:
    assert provider_id("nobody.chat") == "nobody"
    assert provider_id("chat") == "chat"
    assert provider_id("ollama.chat") == "ollama"
    started = time.perf_counter()
    provider_id("openai" + ".chat" * 200_000)
    assert time.perf_counter() - started < 1


def test_small_parts() -> None:
    assert provider_id("Google_VertexAI") == "google"
    assert provider_id("aws.bedrock") == "aws"
    assert bare("models/Gemini-2.5-Flash") == "gemini-2.5-flash"
    assert claude_version("us.anthropic.claude-sonnet-4-5-20250929-v1:0") == (4, 5)
    assert claude_version("claude-opus-4-20250514") == (4, 0)
    assert claude_version("claude-3-5-haiku-latest") == (3, 5)
    assert claude_version("gpt-4o") is None


@pytest.mark.parametrize(
    "name",
    ["x" * 1_000_000, "gpt-5-nano-" + "0" * 200 + "x", "a.1" * 100_000, "us." * 90 + "anthropic.claude",
     "claude-" + "1-" * 120, "/" * 250, "arn:" + ":" * 200, "\u202e\x00\ud800", ":free", "-" * 280],
)  # fmt: skip
@pytest.mark.parametrize("provider", ["", "openai", "openrouter", "bedrock", "azure", "google"])
def test_hostile_names_are_answered_quickly(provider: str, name: str) -> None:
    started = time.perf_counter()
    assert isinstance(book().rates(provider, name), Unpriced | DatedRates)
    assert book().cache_rules(provider, name, None).mode in ("none", "automatic", "breakpoint")
    assert time.perf_counter() - started < 0.5
