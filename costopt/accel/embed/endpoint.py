"""Embeddings from an endpoint that speaks the OpenAI API: `openai:MODEL@BASE_URL`.

Without `@BASE_URL` it is the `openai` package's own default and the key OPENAI_API_KEY. An address that a
policy names gets COSTOPT_EMBED_API_KEY instead: somebody else's file must not collect the OpenAI key. Each
distinct text is sent once and its vector kept, so a second run asks nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import numpy as np

from costopt.accel.embed import Vectors, normalised
from costopt.errors import EndpointError, UsageError

OPENAI_KEY, OWN_KEY = "OPENAI_API_KEY", "COSTOPT_EMBED_API_KEY"
_TEXTS, _CHARACTERS = 256, 200_000
"""Of one request. OpenAI takes 2,048 texts and 300,000 tokens:
https://platform.openai.com/docs/api-reference/embeddings/create, checked 2026-11-24; others take less."""
_LONGEST = 24_000
"""Characters of a text that are sent: OpenAI's models read 8,192 tokens (same page) and refuse more; no
common text has more than one token in three characters."""


@dataclass(frozen=True, eq=False)
class Endpoint:
    """One model behind one endpoint."""

    client: Any
    model: str
    name: str
    version: str
    keeps: bool = True

    @classmethod
    def of(cls, rest: str, *, offline: bool) -> Endpoint:
        """`MODEL@BASE_URL` or `MODEL`. UsageError: offline, or no key where one is needed."""
        model, _, url = rest.partition("@")
        shown = f"{model}@{without_secrets(url)}" if url else model
        if offline:
            raise UsageError(
                "An embeddings endpoint cannot be asked with --offline.", where=f"openai:{shown}",
                hint="Leave out --offline, or use `embedder: builtin`.",
            )  # fmt: skip
        from openai import OpenAI

        key = os.environ.get(OWN_KEY if url else OPENAI_KEY, "")
        if not key and not url:
            raise UsageError(
                f"{OPENAI_KEY} is not set.", where=f"openai:{shown}",
                hint="Set it, or name an endpoint: openai:MODEL@http://127.0.0.1:8000/v1",
            )  # fmt: skip
        client = OpenAI(api_key=key or "none", base_url=url or None, max_retries=4, timeout=60.0)
        place = without_secrets(url or str(client.base_url))
        return cls(client, model, f"{model} (openai API)", f"openai-{model}@{place}")

    def embed(self, texts: Sequence[str]) -> Vectors:
        parts = [self._asked(batch) for batch in _batches(texts)]
        widths = {part.shape[1] for part in parts}
        if len(widths) > 1:
            raise EndpointError(f"vectors of different sizes: {sorted(widths)}", where=self.version)
        return np.concatenate(parts) if parts else np.zeros((0, 1), np.float32)

    def _asked(self, texts: Sequence[str]) -> Vectors:
        import openai

        try:
            answer = self.client.embeddings.create(
                model=self.model, input=list(texts), encoding_format="float"
            )
        except openai.OpenAIError as error:
            raise EndpointError(
                f"The embeddings endpoint did not answer: {error}", where=self.version,
                hint=f"Check the address, the model's name and {OPENAI_KEY} (with an address: {OWN_KEY}).",
            ) from error  # fmt: skip
        rows = sorted(answer.data, key=lambda item: item.index)
        if len(rows) != len(texts):
            raise EndpointError(
                f"{len(rows)} vectors came back for {len(texts)} texts.", where=self.version
            )
        return normalised(np.array([row.embedding for row in rows], np.float32))


def without_secrets(url: str) -> str:
    """An address without the user, password and query that it may carry: names of files and errors."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _batches(texts: Sequence[str]) -> Iterator[list[str]]:
    """Texts in requests of bounded size; an empty text is a blank, since the API refuses none."""
    batch: list[str] = []
    size = 0
    for text in texts:
        text = text[:_LONGEST].encode("utf-8", "replace").decode("utf-8") or " "
        if batch and (len(batch) == _TEXTS or size + len(text) > _CHARACTERS):
            yield batch
            batch, size = [], 0
        batch.append(text)
        size += len(text)
    if batch:
        yield batch
