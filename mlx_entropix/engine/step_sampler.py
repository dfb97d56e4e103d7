"""The sampler of a step: what is queued on the device behind the forward pass."""

from collections.abc import Sequence

import mlx.core as mx

from mlx_entropix.engine.changes import changes_of
from mlx_entropix.engine.same_step import of_rank_0, with_all_heads
from mlx_entropix.engine.step import (
    CLARIFYING_TEXT,
    Look,
    QueuedStep,
    Samplers,
    recent_metrics,
    xtc_exempt,
)
from mlx_entropix.model.decoder import Decoder, Looked
from mlx_entropix.ranks.join import Ranks
from mlx_entropix.ranks.launch import TENSOR
from mlx_entropix.sampling import (
    most_attended,
    position_key,
    sample_rows,
    score_rows,
    self_certainty,
)
from mlx_entropix.sampling.parameter_rows import RowConfig
from mlx_entropix.text import Tokenizer


class StepSampler:
    """Samples at all positions of a step, of rows with different configs.

    What the configs say is kept on the device from step to step, while they are the same. With
    `ranks` all go on with what rank 0 drew.
    """

    def __init__(self, model: Decoder, tokenizer: Tokenizer, ranks: Ranks | None):
        self._clarifying_token = tokenizer.first_token_of(CLARIFYING_TEXT)
        self._ranks = ranks
        self._vocabulary_size = model.vocabulary_size
        self._attends = model.attends
        self._xtc_exempt = xtc_exempt(tokenizer)
        self._samplers = self._made_for([])

    def queue(
        self,
        looked: Looked,
        looks: list[Look],
        previous: mx.array,
        before: QueuedStep | None,
        positions: int,
        cache: Sequence[mx.array],
    ) -> QueuedStep:
        """Queue the sampler for all positions that are looked at, of a step of so many.

        `previous` are the tokens (N,) at these positions, `before` is the step before, read or not;
        the arrays of the `cache` are evaluated with what is sampled.
        """
        if self._ranks is not None and self._ranks.share == TENSOR:
            looked = with_all_heads(self._ranks.group, looked)
        configs = [look.row.request.config for look in looks]
        if not self._samplers.are_those_of(configs):
            self._samplers = self._made_for(configs)
        samplers = self._samplers
        requests = [look.row.request for look in looks]
        wanted = max(request.alternatives for request in requests)
        told = [max(request.alternatives, 1) for request in requests if request.tells_draw]
        recent = recent_metrics(looks, before) if samplers.look_back else None
        given = None
        if any(look.given is not None for look in looks):
            given = mx.array([-1 if look.given is None else look.given for look in looks])
        changed = changes_of(looks, self._vocabulary_size)
        if given is not None and all(look.given is not None for look in looks):
            sampled = score_rows(
                *looked, samplers.parameters, given, alternatives=max(wanted, 1), recent=recent
            )
        else:
            keys = [
                position_key(look.row.request.seed, look.position, look.row.branch)
                for look in looks
            ]
            sampled = sample_rows(
                *looked,
                previous,
                samplers.parameters,
                mx.array(keys, dtype=mx.uint32),
                candidates=samplers.candidates,
                draws=samplers.draws,
                filters=samplers.filters,
                exempt=self._xtc_exempt,
                changed=changed,
                recent=recent,
                given=given,
                chances=max(told, default=0),
            )
        best = None
        if wanted:
            best = sampled.candidates[:, :wanted], sampled.candidate_logprobs[:, :wanted]
        certainty = None
        if any(look.row.request.certainty for look in looks):
            best_logprob = None if changed is not None else sampled.candidate_logprobs[:, 0]
            certainty = self_certainty(looked.logits, best_logprob)
        attended = None
        if (most := max(look.row.request.attended for look in looks)) and looked.scores is not None:
            attended = most_attended(looked.scores, looked.mask, most)
        if self._ranks is not None:  # nothing is decided by ranks and by what was attended to
            sampled, best, certainty = of_rank_0(self._ranks.group, sampled, best, certainty)
        mx.async_eval(
            sampled.token,
            sampled.quadrant,
            sampled.numbers,
            sampled.recent,
            sampled.rank,
            sampled.chances,
            best,
            certainty,
            attended,
            cache,
        )
        return QueuedStep(looks, sampled, best, certainty, attended, positions)

    def _made_for(self, configs: list[RowConfig]) -> Samplers:
        size = self._vocabulary_size
        return Samplers.of(configs, self._clarifying_token, size, self._attends)
