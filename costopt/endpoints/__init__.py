"""One file per way to reach a model: OpenAI-compatible, Anthropic, their batch APIs, recorded answers."""
