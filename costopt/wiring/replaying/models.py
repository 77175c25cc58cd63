"""A model map that is typed names models of the log or of the policy: a slip would ask the wrong model."""

from __future__ import annotations

from costopt.engine.evaluate import Evaluator
from costopt.engine.policy import Policy
from costopt.errors import UsageError, nearest
from costopt.wiring.replaying.wishes import Wishes

SHOWN = 8


def check_models(wishes: Wishes, policy: Policy, evaluator: Evaluator) -> None:
    """UsageError where `--model-map` maps a name that no call and no layer has. What a policy's own section
    maps is not checked: one policy serves many logs."""
    if not wishes.model_map:
        return
    view = evaluator.recorded
    pairs = set(zip(view.provider.texts(), view.model.texts(), strict=True))
    logged = {model for _, model in pairs if model}
    names = logged | {f"{provider}/{model}" for provider, model in pairs}
    names |= {(evaluator.prices.canonical(*pair) or ("", ""))[1] for pair in pairs}
    layers = repr(policy.layers)
    for text in wishes.model_map:
        name = text.partition("=")[0].strip()
        if name not in names and name not in layers:
            more = f" and {len(logged) - SHOWN} more" if len(logged) > SHOWN else ""
            listed = f"Its models: {', '.join(sorted(logged)[:SHOWN])}{more}."
            raise UsageError(
                f"no call of this log has the model `{name}`.", where="--model-map",
                hint=nearest(name, logged) or listed,
            )  # fmt: skip
