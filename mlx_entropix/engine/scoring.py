"""How likely the model found the prompt itself, token by token."""

from collections.abc import Sequence
from typing import cast

import mlx.core as mx

from mlx_entropix.engine.events import Alternative, PromptToken
from mlx_entropix.model.llama import Llama
from mlx_entropix.sampling.ranks import best_tokens
from mlx_entropix.text import Tokenizer

# Positions whose logits are in memory at once.
_POSITIONS = 128


def score_tokens(
    model: Llama, tokenizer: Tokenizer, hidden: mx.array, tokens: Sequence[int], alternatives: int
) -> list[PromptToken]:
    """Score `tokens` (L of them), each under the hidden state (1, L, hidden) of the one before.

    Log-probabilities are of the unscaled logits, in nats; each token comes with the `alternatives`
    likeliest ones.
    """
    scored: list[PromptToken] = []
    for start in range(0, len(tokens), _POSITIONS):
        part = tokens[start : start + _POSITIONS]
        logits = model.logits(hidden[0, start : start + len(part)]).astype(mx.float32)  # (L, V)
        logprobs = logits - mx.logsumexp(logits, axis=-1, keepdims=True)
        chosen = mx.take_along_axis(logprobs, mx.array(list(part))[:, None], axis=-1)[:, 0]
        best = best_tokens(logits, max(alternatives, 1))
        best_logprobs = mx.take_along_axis(logprobs, best, axis=-1)
        mx.eval(chosen, best, best_logprobs)
        ids = cast(list[list[int]], best.tolist())
        values = cast(list[list[float]], best_logprobs.tolist())
        for i, (token_id, logprob) in enumerate(
            zip(part, cast(list, chosen.tolist()), strict=True)
        ):
            others = zip(ids[i][:alternatives], values[i][:alternatives], strict=True)
            scored.append(
                PromptToken(
                    token_id,
                    tokenizer.token_text(token_id),
                    logprob,
                    tuple(Alternative(t, tokenizer.token_text(t), value) for t, value in others),
                )
            )
    return scored
