"""One normaliser for the names of logs: provider words, prefixes, dates, dots and dashes.

A spelling never drops a size suffix (`-mini`, `-nano`, `-pro`, `-lite`) and nothing matches by
substring: `spellings` lists other ways to write the *same* id, best first.
"""

from __future__ import annotations

import datetime as dt
import re
from functools import lru_cache

# Words of logs, SDKs and gateways for a provider of the book.
PROVIDERS = {
    "openai-chat": "openai", "openai-responses": "openai", "openai-api": "openai",
    "text-completion-openai": "openai", "chatopenai": "openai",
    "azure-openai": "azure", "azure-ai": "azure", "azureopenai": "azure", "az-ai-openai": "azure",
    "azure-ai-openai": "azure", "azure-ai-inference": "azure", "az-ai-inference": "azure",
    "az": "azure", "azure-ai-foundry": "azure", "azurechatopenai": "azure",
    "claude": "anthropic", "anthropic-api": "anthropic", "chatanthropic": "anthropic",
    "bedrock": "aws", "aws-bedrock": "aws", "amazon-bedrock": "aws", "amazon": "aws",
    "bedrock-converse": "aws", "bedrock-runtime": "aws",
    "gemini": "google", "google-genai": "google", "google-ai": "google", "vertex": "google",
    "vertex-ai": "google", "vertexai": "google", "google-vertexai": "google", "gcp": "google",
    "google-vertex": "google", "google-vertex-ai": "google", "gcp-gemini": "google",
    "gcp-vertex-ai": "google", "gcp-gen-ai": "google", "google-ai-studio": "google",
    "gcp-vertex": "google", "google-gemini": "google", "google-vertex-anthropic": "google",
    "vertex-anthropic": "google", "vertex-ai-anthropic": "google",
    "google-anthropic-vertex": "google", "vertex-ai-beta": "google", "palm": "google",
    "xai": "x-ai", "grok": "x-ai",
    "mistralai": "mistral", "mistral-ai": "mistral", "codestral": "mistral",
    "together-ai": "together", "togetherai": "together", "fireworks-ai": "fireworks",
    "moonshot": "moonshotai", "moonshot-ai": "moonshotai", "z-ai": "zai", "zhipu": "zhipuai",
    "voyage": "voyageai", "voyage-ai": "voyageai", "perplexity-ai": "perplexity",
    "cohere-chat": "cohere", "meta-llama": "meta", "deepseek-ai": "deepseek",
    "open-router": "openrouter", "cloudflare-workers-ai": "cloudflare",
    "github-models": "github-copilot", "copilot": "github-copilot",
}  # fmt: skip
# A proxy or tool in front of a provider: it says nothing about who charges.
GATEWAYS = frozenset({
    "litellm", "litellm-proxy", "portkey", "helicone", "langfuse", "langsmith", "langchain",
    "gateway", "proxy", "custom", "custom-openai", "openai-compatible", "other", "unknown", "none",
    "ai-gateway", "vercel-ai-gateway", "llm",
})  # fmt: skip
# The operator's own machines: no list price exists, the overlay gives one.
SELF_HOSTED = frozenset({
    "ollama", "ollama-chat", "vllm", "hosted-vllm", "sglang", "tgi", "lm-studio", "lmstudio",
    "llamafile", "llama-cpp", "llamacpp", "selfhosted", "self-hosted", "local", "triton", "oobabooga",
})  # fmt: skip
# What SDKs put behind a provider for the API that was called: `openai.responses`, `google.vertex.chat`.
_API = re.compile(
    r"(?:-(?:chat|responses?|completions?|messages|generative-ai|converse|agent|embeddings?|image|"
    r"transcription|speech))+$"
)
MOST_PROVIDER_CHARS = 80
_REGIONS = r"(?:us-gov|us|eu|apac|au|jp|ap|ca|sa|me|af|in|uk|il|global)"
_VENDORS = (
    r"(?:anthropic|amazon|meta|mistral|cohere|ai21|deepseek|openai|google|qwen|moonshotai|moonshot|"
    r"minimax|nvidia|writer|twelvelabs|stability|zai|x-ai|xai)"
)
_BEDROCK_ID = re.compile(rf"(?:({_REGIONS})\.)?({_VENDORS})\.(.+)")
_COMPACT_DATE = re.compile(r"(?<=[-@])(20\d{2})(0[1-9]|1[0-2])([0-2]\d|3[01])(?=$|[-:@])")
_DASHED_DATE = re.compile(r"(?<=[-@])(20\d{2})-(0[1-9]|1[0-2])-([0-2]\d|3[01])(?=$|[-:@])")
_DATE_TAIL = re.compile(r"[-@](?:20\d{2}-?(?:0[1-9]|1[0-2])-?(?:[0-2]\d|3[01]))$")
_CLAUDE = re.compile(r"claude-(\d+(?:[.-]\d)?)-(opus|sonnet|haiku|fable|mythos)(.*)")
_CLAUDE_NEW = re.compile(r"claude-(opus|sonnet|haiku|fable|mythos)-(\d+(?:[.-]\d)?)(?!\d)(.*)")


def provider_word(text: str) -> str:
    """A log's provider as one lower-case word with dashes: `Google_VertexAI` is `google-vertexai`."""
    return re.sub(r"[\s_./]+", "-", text.strip().lower()).strip("-")


def provider_id(text: str) -> str:
    """The book's id of a provider, as far as the word tells; an unknown word stays itself."""
    word = provider_word(text)
    if len(word) <= MOST_PROVIDER_CHARS and word not in PROVIDERS:
        word = _API.sub("", word)
    if word.startswith("huggingface-"):
        return word.replace("huggingface-", "huggingface_", 1)
    return PROVIDERS.get(word, word)


@lru_cache(maxsize=4096)
def bare(model: str) -> str:
    """The id without the wrapping that clouds and SDKs put around it. Case is dropped."""
    name = model.strip().lower()
    name = re.sub(r"\[\d+[km]\]$", "", name)  # Claude Code's mark of a long context window
    if name.startswith("arn:"):
        name = name.rpartition("/")[2] if "application-inference-profile/" not in name else name
    for mark in ("/publishers/", "publishers/"):
        if mark in name and "/models/" in name:
            name = name.partition("/models/")[2]
    return name.removeprefix("models/")


def split_bedrock(name: str) -> tuple[str, str] | None:
    """(region prefix, model without vendor and version) of a Bedrock id, or None."""
    match = _BEDROCK_ID.fullmatch(name)
    if not match:
        return None
    rest = re.sub(r"-v\d+(?::\d+)?(?::\d+k)?$", "", match[3])
    return match[1] or "", re.sub(r":\d+$", "", rest)


@lru_cache(maxsize=4096)
def spellings(model: str) -> tuple[str, ...]:
    """Other ways to write this id, best first; the id itself leads."""
    found = dict.fromkeys((model,))
    if model.startswith("gpt-35"):
        found[model.replace("gpt-35", "gpt-3.5", 1)] = None
    for name in tuple(found):
        found[_COMPACT_DATE.sub(_dashed, name)] = None
        found[_DASHED_DATE.sub(r"\1\2\3", name)] = None
        found[name.replace("@", "-")] = None
    for name in tuple(found):
        for other in (_dotted(name), _undotted(name)):
            found[other] = None
    for name in tuple(found):
        found.update(dict.fromkeys(_claude_orders(name)))
    return tuple(found)


def undated(model: str) -> str | None:
    """The id without its date suffix, or None where it has none."""
    shorter = _DATE_TAIL.sub("", model)
    return shorter if shorter != model else None


def _dashed(match: re.Match[str]) -> str:
    try:
        return dt.date(int(match[1]), int(match[2]), int(match[3])).isoformat()
    except ValueError:
        return match[0]


def _dotted(name: str) -> str:
    """`gpt-5-4-mini` as `gpt-5.4-mini`: two single digits joined by a dash are a version."""
    return re.sub(r"(?<=[a-z]-)(\d)-(\d)(?=$|-[a-z]|-20\d{2})", r"\1.\2", name)


def _undotted(name: str) -> str:
    return re.sub(r"(?<=\d)\.(?=\d)", "-", name)


def _claude_orders(name: str) -> list[str]:
    """`claude-4.5-sonnet` and `claude-sonnet-4.5` are one model."""
    old, new = _CLAUDE.fullmatch(name), _CLAUDE_NEW.fullmatch(name)
    if old:
        return [f"claude-{old[2]}-{old[1]}{old[3]}"]
    return [f"claude-{new[2]}-{new[1]}{new[3]}"] if new else []


def claude_version(model: str) -> tuple[int, int] | None:
    """(4, 5) of any spelling of a Claude id, None for anything else."""
    name = bare(model).rpartition("claude-")
    if not name[1]:
        return None
    text = "claude-" + name[2]
    match = _CLAUDE_NEW.match(text) or _CLAUDE.match(text)
    if not match:
        return None
    version = match[2] if match.re is _CLAUDE_NEW else match[1]
    major, _, minor = version.replace(".", "-").partition("-")
    return int(major), int(minor or 0)
