"""Vectors of free-text answers for the judge of a semantic cache, each distinct answer embedded once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from costopt.accel.artifacts import Artifacts
from costopt.accel.artifacts.content import digest_of
from costopt.accel.artifacts.embeddings import kept_vectors
from costopt.accel.artifacts.judged_pairs import FORM, judged_pairs
from costopt.accel.artifacts.kept import Kept
from costopt.accel.embed import Embedder
from costopt.layers.base import ArtifactSpec
from costopt.layers.parts.answer_forms import Basis
from costopt.layers.parts.answers import Answers
from costopt.layers.parts.judge import Judge, JudgedPairs
from costopt.model.call import SegmentKind
from costopt.model.ports import Texts, TokenCounter
from costopt.model.view import View

Int = NDArray[np.int64]


def judge_of(
    spec: ArtifactSpec, view: View, tokens: TokenCounter, texts: Texts, kept: Kept,
    artifacts: Artifacts, answers: Answers,
) -> Judge | JudgedPairs | None:  # fmt: skip
    """`spec`: `judge`, `judge_similarity`. None: the policy names no judge."""
    setting = spec.get("judge")
    if setting is None:
        return None
    if str(setting).startswith(FORM):
        return judged_pairs(str(setting), view)
    made_by: Embedder = artifacts.build(
        ArtifactSpec("embedder", (("embedder", setting),)), view, tokens, texts
    )
    calls = np.flatnonzero(answers.basis == Basis.TEXT)
    _, first, place = np.unique(answers.response[calls], return_index=True, return_inverse=True)
    said = _said(view, texts, calls[first])
    digests = [digest_of(text) for text in said]
    vectors = kept_vectors(made_by, digests, lambda some: [said[i] for i in some], kept)
    row = np.full(view.trace.n, -1, np.int64)
    row[calls] = place.reshape(-1)
    return Judge(made_by.name, vectors, row, float(spec.get("judge_similarity")))


def _said(view: View, texts: Texts, calls: Int) -> list[str]:
    """What these calls answered, as the caller sees it: thinking is not handed on."""
    out: list[str] = []
    for call in calls.tolist():
        ids = view.response.row(call)
        shown = ids[view.segments.kind[ids] != SegmentKind.REASONING]
        out.append("\n".join(text or "" for text in texts.get(shown)))
    return out
