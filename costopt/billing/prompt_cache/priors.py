"""What is believed of a prompt cache before the log has spoken, and how firmly.

None of it comes from a log: the providers' pages say what is usual, spreads say how far a provider,
a model or an agent may stand from that.
"""

from __future__ import annotations

import numpy as np

from costopt.billing.prompt_cache.entries import N_KINDS, SIZES

# What the providers' pages say, as log odds. Within the lifetime nearly every call reads something,
# two lifetimes on nearly none; it is the last request that is read, an answer seldom.
CALL_PRIOR = np.array([3.0, 2.0, -1.0, -3.0, 0.0, 0.5, 0.1] + [0.0] * SIZES)
CALL_SPREAD = np.array([1.5, 1.5, 1.5, 1.5, 0.5, 1.0, 0.3] + [1.5] * SIZES)
ENTRY_PRIOR = np.array([-2.0, 2.0, 0.0, 1.0, 1.0, -1.0, -2.0, 0.1, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
ENTRY_SPREAD = np.array([1.5] * N_KINDS + [1.5, 1.5, 0.3, 0.7, 0.5, 0.5, 0.5, 0.5, 0.5])
_NEAR = (1.0, 1.0, 0.3, 0.3)
"""How far a part that the fit never saw may stand from its parent (provider, model, agent), as a
share of how far the whole may from the rules. Providers are systems of their own; one provider's
models share a system. Of parts that it saw, the data tell (`logistic.fitted_near`)."""
_SIZES_NEAR = (1.0, 1.0, 1.0, 0.3)
"""The same for sizes: which of them are never cached is a matter of the single model."""
_CALL_NEAR = np.repeat(np.array(_NEAR)[:, None], len(CALL_PRIOR), axis=1)
_CALL_NEAR[:, -SIZES:] = np.array(_SIZES_NEAR)[:, None]
CALL_SPREADS = _CALL_NEAR * CALL_SPREAD  # [level, call feature]
ENTRY_SPREADS = np.array(_NEAR)[:, None] * ENTRY_SPREAD  # [level, entry feature]
SHARE_WEIGHT = 20.0
"""Reads that a parent's share-given-hit counts for."""
UNSEEN = np.array([0.02, 0.5])
UNSEEN_WEIGHT = np.array([10.0, 2.0])
"""A read of what the log does not show: seldom, but of a namespace's first call nothing is known."""
