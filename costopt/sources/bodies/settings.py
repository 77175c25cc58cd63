"""The further parameters of a request body: what has to be sent again for the same question.

Values are kept of parameters that a provider documents. Of any other the name alone is kept: proxies and
frameworks put keys, headers, addresses and users beside them. Names:
https://platform.openai.com/docs/api-reference/chat/create, .../responses/create,
https://docs.anthropic.com/en/api/messages, https://ai.google.dev/api/generate-content,
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html,
https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html (checked 2026-11-25).
"""

from __future__ import annotations

from typing import Any

from costopt.model.request_settings import HIDDEN, OTHERS, canonical
from costopt.sources.bodies.parts import Body

USUAL_SETTINGS = (
    "top_p", "n", "stop", "seed", "tool_choice", "response_format", "parallel_tool_calls",
    "reasoning_effort",
)  # fmt: skip
"""Of a usual chat request (`requests.USUAL`)."""
KNOWN = frozenset((
    *USUAL_SETTINGS,
    # OpenAI chat completions and Responses
    "frequency_penalty", "presence_penalty", "logit_bias", "logprobs", "top_logprobs", "verbosity",
    "modalities", "audio", "prediction", "web_search_options", "function_call", "suffix", "echo", "best_of",
    "prompt_cache_retention", "text", "reasoning", "truncation", "max_tool_calls",
    # Anthropic
    "stop_sequences", "top_k", "thinking", "output_config", "output_format", "context_management",
    # Gemini, Bedrock, Ollama
    "topP", "topK", "stopSequences", "candidateCount", "responseMimeType", "responseSchema",
    "responseJsonSchema", "responseModalities", "presencePenalty", "frequencyPenalty", "thinkingConfig",
    "response_mime_type", "response_schema", "response_json_schema", "candidate_count",
    "thinking_config", "safetySettings", "safety_settings", "functionCallingConfig", "toolChoice",
    "additionalModelRequestFields", "guardrailConfig", "performanceConfig",
    "format", "think", "num_ctx", "repeat_penalty", "repeat_last_n", "mirostat", "tfs_z",
    # vLLM, SGLang, OpenRouter
    "min_p", "top_a", "repetition_penalty", "length_penalty", "ignore_eos", "min_tokens",
    "stop_token_ids", "structured_outputs", "guided_json", "guided_regex", "guided_choice",
    "guided_grammar", "chat_template_kwargs", "include_reasoning", "reasoning_split", "transforms",
    "safe_prompt", "enable_thinking", "thinking_budget",
))  # fmt: skip
ELSEWHERE = frozenset((
    "model", "modelId", "model_id", "model_name", "messages", "prompts", "tools", "functions", "input",
    "contents", "prompt", "inputText", "system", "instructions", "systemInstruction",
    "system_instruction", "toolConfig", "tool_config", "generationConfig", "generation_config",
    "inferenceConfig", "config", "options", "textGenerationConfig", "cache_control", "max_tokens",
    "max_completion_tokens", "max_output_tokens", "maxTokens", "maxOutputTokens", "num_predict",
    "temperature", "stream", "stream_options", "service_tier", "serviceTier", "prompt_cache_key",
    "user", "metadata", "store", "safety_identifier", "include", "background", "anthropic_version",
    "anthropic_beta", "betas", "keep_alive", "raw", "requestMetadata", "labels",
    # of frameworks and proxies: where the request goes, never what it asks
    "type", "_type", "stream_usage", "streaming", "timeout", "request_timeout", "max_retries",
    "num_retries", "extra_headers", "headers", "api_key", "api_base", "base_url", "api_version",
    "organization", "custom_llm_provider", "litellm_call_id", "litellm_params", "litellm_metadata",
    "litellm_trace_id", "proxy_server_request", "extra_body", "ls_provider", "azure_endpoint",
    "deployment", "caching", "cache", "drop_params", "mock_response", "callbacks", "ttl",
    "configurable", "kwargs", "args",
))  # fmt: skip
"""Read as what they are, or no part of the question. What stands in none of the lists is named."""
_HIDDEN = ("previous_response_id", "conversation", "cachedContent", "cached_content", "container",
           "mcp_servers")  # fmt: skip
_INNER = ("generationConfig", "generation_config", "inferenceConfig", "options", "config",
          "toolConfig", "tool_config", "textGenerationConfig")  # fmt: skip


def usual_settings(body: Body) -> str:
    """`settings_of` a body that has none but usual fields."""
    found = {name: body[name] for name in USUAL_SETTINGS if body.get(name) is not None}
    return canonical(found) if found else ""


def settings_of(body: Body) -> str:
    """Canonical JSON of the further parameters; empty where the body has none. Never raises."""
    found: dict[str, Any] = {}
    others: set[str] = set()
    hidden = sorted(name for name in _HIDDEN if body.get(name))
    if isinstance(body.get("prompt"), dict):  # a stored prompt, by its id
        hidden.append("prompt")
    for part in (body, *(inner for inner in map(body.get, _INNER) if isinstance(inner, dict))):
        _collect(part, found, others)
    if others:
        found[OTHERS] = sorted(others)
    if hidden:
        found[HIDDEN] = hidden
    return canonical(found)


def _collect(part: Body, found: dict[str, Any], others: set[str]) -> None:
    for name, value in part.items():
        if name in KNOWN:
            # Responses say in `text` how to answer; elsewhere that name holds a text.
            if value is not None and (name != "text" or isinstance(value, dict)):
                found.setdefault(name, value)
        elif name not in ELSEWHERE and name not in _HIDDEN and value not in (None, "", [], {}):
            others.add(str(name)[:60])
