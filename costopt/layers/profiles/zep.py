"""Zep: a memory that draws facts from messages into a graph for each user."""

from __future__ import annotations

from costopt.layers.profiles.memory_profile import MemoryProfile

PROFILE = MemoryProfile(
    settings={
        # A thread's context is searched for with its four most recent messages, over all threads of
        # the user. A search of the graph gives ten results unless asked otherwise, fifty at most.
        "query_messages": 4, "across_sessions": True, "top_k": 10,
        # It embeds by itself, and is paid by plan for what is put in: see `unpriced`.
        "embedding_model": None, "usd_per_million_queries": 0.0, "usd_per_million_writes": 0.0,
    },
    differs=(
        "Zep gives back facts, summaries and entities that it has drawn from the messages, not the "
        "messages: fewer tokens, and words of its own.",
        "It reads messages into its graph in the background: what was said a moment ago may not be "
        "found yet.",
        "It searches by words and by the graph as well as by vectors, and ranks the results.",
    ),
    unpriced="usd_per_million_writes",
    source="https://help.getzep.com/v4/retrieving-context, https://help.getzep.com/searching-the-graph, "
    "https://help.getzep.com/concepts.md, https://github.com/getzep/zep-python (the search's limit), "
    "checked 2026-11-24",
)  # fmt: skip
