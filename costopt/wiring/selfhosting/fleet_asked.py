"""What `costopt selfhost TRACES` was asked, and the layer `self_host` that would do the same in a policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from costopt.engine.policy import Policy
from costopt.engine.settings import plain
from costopt.errors import UsageError
from costopt.layers.parts.self_host_drafts import drafts_of
from costopt.layers.parts.self_host_served import known_shape
from costopt.layers.self_host import SelfHost
from costopt.serving.commands import launchers
from costopt.serving.deployment import USUAL_SLO
from costopt.serving.hardware import gpu, gpus
from costopt.serving.rents import Rent, Rents, Terms
from costopt.wiring.policy.load import load_policy
from costopt.wiring.policy.settings import Wrong, changed, layer_of
from costopt.wiring.request import DEFAULT_POLICY
from costopt.wiring.selfhosting.profiles import SHIPPED

OPTIONS = {
    "config": "--model-config", "profile": "--efficiencies", "context_tokens": "--context-tokens",
    "speculation": "--speculate",
}  # fmt: skip
"""Settings whose option has another name; the others are `--` and the setting's name."""
OF_ONE_MODEL = (
    "shape", "config", "precision", "context_tokens", "speculation", "draft_model", "draft_tokens",
    "acceptance", "output_ratio", "reasoning_ratio", "reasoning_ratio_low", "reasoning_as_text",
)  # fmt: skip
"""Settings of a policy's own layer that say nothing of another model."""
ALL_GPUS = "all"
LEVEL = ("ttft_ms", "tpot_ms", "e2e_ms")


@dataclass(frozen=True)
class FleetAsked:
    """The options of the command beside those that read a trace."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    """Of the layer, as far as they are stated; a limit of 0 ms is none."""
    gpus: tuple[str, ...] = ()
    """Empty: the policy's own, else every GPU that has a rent, as `all` says."""
    match: tuple[str, ...] = ()
    """`model=gpt-4o-mini`; several values of one part are alternatives."""
    policy: Path | None = None
    """None: policy.yaml where it is in the folder."""
    no_policy: bool = False
    scale: float = 1.0
    arrivals: str = ""
    """`azure:FILE`, `servegen:FOLDER`; empty: the log's own."""
    serve_with: tuple[str, ...] = ()
    points: int = 0
    """Of the crossing, beside those of its table."""

    @property
    def by_load(self) -> bool:
        """No draft tokens were stated, in so many words: the length follows the batch."""
        return self.settings.get("draft_tokens") == 0


def policy_asked(asked: FleetAsked) -> Policy | None:
    """The policy whose other layers come first; None: the recorded bill. Raises UsageError."""
    if asked.no_policy:
        if asked.policy is not None:
            raise UsageError("either a policy or none.", where="--no-policy")
        return None
    if asked.policy is not None:
        return load_policy(asked.policy)
    return load_policy(DEFAULT_POLICY) if DEFAULT_POLICY.exists() else None


def with_gpu_of(asked: FleetAsked, policy: Policy | None) -> FleetAsked:
    """Where none is named, that of the policy's own layer; `all` is every one."""
    own = _own(policy)
    if ALL_GPUS in asked.gpus:
        return replace(asked, gpus=())
    return replace(asked, gpus=(own.gpu,)) if own and own.gpu and not asked.gpus else asked


def _own(policy: Policy | None) -> SelfHost | None:
    layers = policy.layers if policy else ()
    return next((one for one in layers if isinstance(one, SelfHost)), None)


def others_of(policy: Policy | None) -> Policy:
    """The policy without its own fleets."""
    if policy is None:
        return Policy((), "")
    kept = tuple(layer for layer in policy.layers if not isinstance(layer, SelfHost))
    return replace(policy, layers=kept, lines={})


def layer_asked(asked: FleetAsked, policy: Policy | None) -> tuple[SelfHost, list[str]]:
    """The layer, and which limits of its level nobody stated. Raises UsageError with the nearest name."""
    own = _own(policy)
    values = _beginning(own, str(asked.settings.get("model", "")))
    values |= dict(asked.settings)
    values |= {name: values[name] or None for name in LEVEL if name in values}
    if values.get("profile") == SHIPPED:
        values["profile"] = ""
    if asked.match:
        values["match"] = _match(asked.match)
    if not values.get("model"):
        raise UsageError(
            "which model would answer?", where="--model",
            hint="--model llama-3.1-8b, or a self_host layer in policy.yaml.",
        )  # fmt: skip
    values["gpu"] = asked.gpus[0] if asked.gpus else values.get("gpu") or next(iter(gpus()))
    made = layer_of("self_host", values)
    if not isinstance(made, SelfHost):
        raise _usage(made if isinstance(made, list) else [])
    return made, [n for n in (*LEVEL, "percentile") if n not in values and _usual(n) is not None]


def _beginning(own: SelfHost | None, model: str) -> dict[str, Any]:
    """Settings of the policy's own layer, less what belongs to another model."""
    if own is None:
        return {}
    values = {name: plain(value) for name, value in changed(own).items()}
    if model and model != own.model:
        values = {name: value for name, value in values.items() if name not in OF_ONE_MODEL}
    return values


def _usual(name: str) -> float | None:
    limits: dict[str, float | None] = {
        "ttft_ms": USUAL_SLO.ttft_s, "tpot_ms": USUAL_SLO.tpot_s, "e2e_ms": USUAL_SLO.e2e_s,
        "percentile": USUAL_SLO.percentile,
    }  # fmt: skip
    return limits[name]


def _match(given: tuple[str, ...]) -> dict[str, list[str]]:
    """`model=a`, `model=b`, `agent=c` as a policy writes it."""
    found: dict[str, list[str]] = {}
    for text in given:
        part, mark, value = text.partition("=")
        if not (mark and part.strip() and value.strip()):
            raise UsageError(
                f"`{text}` picks no calls.", where="--match", hint="--match model=gpt-4o-mini"
            )
        found.setdefault(part.strip(), []).append(value.strip())
    return found


def _usage(wrong: list[Wrong]) -> UsageError:
    """The first complaint, with the option in place of the setting."""
    first = wrong[0]
    setting = str(first.at[0]) if first.at else ""
    option = OPTIONS.get(setting, f"--{setting.replace('_', '-')}") if setting else ""
    message = first.message.removeprefix("layer `self_host`: ").removeprefix(f"`{setting}`: ")
    return UsageError(message, where=option)


def gpus_asked(asked: FleetAsked, layer: SelfHost, rents: Rents) -> tuple[str, ...]:
    """Names as the data file has them, each once; by default all that can be rented at these terms."""
    if layer.usd_per_gpu_hour is not None and len(asked.gpus) != 1:
        raise UsageError("of which GPU?", where="--usd-per-gpu-hour", hint="Name one with --gpu.")
    if asked.gpus:
        return tuple(dict.fromkeys(_named(name) for name in asked.gpus))
    every = dict.fromkeys(one.name for one in gpus().values())
    found = tuple(name for name in every if isinstance(rents.rent(name, Terms(layer.terms)), Rent))
    if not found:
        raise UsageError(
            f"no GPU has a known {layer.terms} rent at {rents.day}.", where="--terms",
            hint="State your own: rents: {h100: 2.10} in prices.yaml.",
        )  # fmt: skip
    return found


def _named(name: str) -> str:
    try:
        return gpu(name).name
    except UsageError as error:
        raise UsageError(error.message, where="--gpu", hint=error.hint) from error


def check(asked: FleetAsked, layer: SelfHost) -> None:
    """What can be seen to be wrong before a long log is read. Raises UsageError."""
    if not 0 < asked.scale < float("inf"):
        raise UsageError(
            f"{asked.scale:g} is no multiple of the traffic.", where="--scale", hint="3"
        )
    for name in asked.gpus:
        _named(name)
    for name in asked.serve_with:
        if name not in launchers():
            known = ", ".join(launchers())
            raise UsageError(f"no command is known for `{name}`.", where="--serve-with", hint=known)
    shape = known_shape(layer)
    if shape is not None:
        drafts_of(layer, shape)
