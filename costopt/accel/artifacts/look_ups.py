"""A semantic cache's look-ups over their neighbour graph, with the answers to compare."""

from __future__ import annotations

from costopt.accel.artifacts import Artifacts, neighbours
from costopt.accel.artifacts.content import digest_of
from costopt.accel.artifacts.judge import judge_of
from costopt.accel.artifacts.kept import Kept
from costopt.layers.base import ArtifactSpec
from costopt.layers.parts.answers import answers_of
from costopt.layers.parts.look_ups import LookUps, Replays
from costopt.model.ports import Texts, TokenCounter
from costopt.model.view import View


def content(spec: ArtifactSpec, view: View) -> bytes:
    """What the answers and the vectors depend on; calls and keys are in the spec."""
    block, made = view.response, view.made
    answers = digest_of(block.offsets, block.ids, view.trace.segments.digest, made.digest)
    return answers + neighbours.content(spec, view)


def build(
    spec: ArtifactSpec, view: View, tokens: TokenCounter, texts: Texts, kept: Kept,
    artifacts: Artifacts,
) -> Replays:  # fmt: skip
    """`spec`: `look_ups`, `embedder`, `floor_ppm`, `judge`, `judge_similarity`."""
    asked: LookUps = spec.get("look_ups")
    of_graph = ArtifactSpec(
        "neighbours",
        (
            ("keys", asked.keys),
            ("embedder", spec.get("embedder")),
            ("floor_ppm", spec.get("floor_ppm")),
        ),
    )
    graph = artifacts.build(of_graph, view, tokens, texts)
    answers = answers_of(view, texts, asked.keys.rows, asked.group)
    judge = judge_of(spec, view, tokens, texts, kept, artifacts, answers)
    return Replays(asked, graph, answers, judge)
