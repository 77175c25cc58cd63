"""Chat completions through the `openai` package: OpenAI, Azure, OpenRouter, and every server that speaks
its language (vLLM, SGLang, Ollama, LM Studio, llama.cpp, LiteLLM's proxy)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from costopt.endpoints.client import Secret, without_authorization
from costopt.endpoints.connection import Connection
from costopt.endpoints.sending import HttpEndpoint
from costopt.endpoints.speech import Event, items
from costopt.endpoints.wire import openai_chat
from costopt.endpoints.wire.dialect import COMPATIBLE, dialect_of
from costopt.model.exchange import Request
from costopt.model.ports import BodyReader


class ChatSpeech:
    """Chat completions as every compatible server speaks them."""

    path = "/chat/completions"

    def __init__(self, connection: Connection) -> None:
        self._dialect = dialect_of(connection.base_url)
        # The known providers' streams carry usage: nobody waits for a first answer there.
        self.asks_usage = self._dialect is COMPATIBLE
        self._azure = connection.hostname.endswith(".azure.com")

    def base(self, connection: Connection) -> str:
        return connection.versioned

    def headers(self, connection: Connection) -> dict[str, Any]:
        """Azure's own key header beside the common one; its older surface knows only that."""
        if not connection.key:
            return without_authorization()
        return {"api-key": Secret(connection.key)} if self._azure else {}

    def body(self, request: Request, *, stream: bool) -> dict[str, Any]:
        return openai_chat.body(request, stream=stream, dialect=self._dialect)

    def begins(self, event: Event) -> bool:
        """Text, reasoning, a refusal or a tool call; the first chunk holds only the role."""
        for choice in items(event.get("choices")):
            delta = choice.get("delta")
            if isinstance(delta, dict) and any(delta.get(name) for name in _SAID):
                return True
        return False

    def ended(self, events: Sequence[Event]) -> bool:
        """Every choice has its finish reason. `[DONE]` is no sign: some servers send none."""
        choices = [c for e in events for c in items(e.get("choices"))]
        begun = {str(c.get("index", 0)) for c in choices}
        return bool(begun) and begun == {
            str(c.get("index", 0)) for c in choices if c.get("finish_reason")
        }


_SAID = ("content", "reasoning_content", "reasoning", "refusal", "tool_calls", "function_call")


class OpenAICompatible(HttpEndpoint):
    """One server that speaks chat completions."""

    def __init__(self, settings: Connection, reader: BodyReader) -> None:
        super().__init__(settings, reader, ChatSpeech(settings))
