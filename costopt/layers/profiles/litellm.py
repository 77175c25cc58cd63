"""LiteLLM's semantic cache at a gateway (`redis-semantic`, `qdrant-semantic`, `valkey-semantic`)."""

from __future__ import annotations

from costopt.layers.profiles.cache_profile import CacheProfile

PROFILE = CacheProfile(
    name="litellm",
    threshold=None,
    ttl=None,
    key="all",
    refresh=False,
    capacity=None,
    eviction="lru",
    embeds_to_store=True,
    embedding_model="text-embedding-ada-002",
    written_as="similarity_threshold: {similarity}",
    differs=(
        "The key is the text of all messages, system prompt included: a long shared part makes all keys "
        "alike, so the same threshold is looser than on the last message alone.",
        "It embeds each prompt for the look-up and again to store it: a miss pays twice.",
        "similarity_threshold has no default; with redis-semantic it becomes the distance 1 - threshold.",
        "Its ttl is set when an entry is stored; hits do not renew it. Without one entries never expire.",
        "It asks on every call, agent turns included; its own manual warns that those replay stale "
        "answers. Here they are left out unless agent_turns says otherwise.",
        "All other request parameters separate (temperature, max_tokens, tools), and key, team and "
        "organisation; older versions shared answers among all of them.",
    ),
    source="https://github.com/BerriAI/litellm/tree/main/litellm/caching and "
    "https://docs.litellm.ai/docs/proxy/caching_semantic, checked 2026-11-24",
)  # fmt: skip
