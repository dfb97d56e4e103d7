"""The published samplers as data."""

from mlx_entropix.choices import MOST_RANKS, NAMES, NORMAL
from mlx_entropix.sampling.config import PlainConfig, SamplerConfig
from mlx_entropix.sampling.formulas import Adaptive, Exploring, Resampling, Treading

ENTROPIX = SamplerConfig()
"""The entropix sampler of October 2024, https://github.com/xjdr-alt/entropix."""

FROG = SamplerConfig(
    temperature=0.666,
    top_p=1.0,
    top_k=33,
    min_p=0.03,
    n_adaptive_samples=1,
    min_tokens_to_keep=1,
    low_logits_entropy_threshold=0.004,
    medium_logits_entropy_threshold=2.7,
    high_logits_entropy_threshold=3.7,
    low_logits_varentropy_threshold=0.0045,
    medium_logits_varentropy_threshold=3.0,
    high_logits_varentropy_threshold=6.0,
    treading=Treading(
        when=("logits_entropy > high", "logits_varentropy < low"),
        temperature_attention_entropy=0.7,
    ),
    exploring=Exploring(
        when=(
            "logits_entropy < low",
            "logits_varentropy > high",
            "attention_entropy > low",
            "attention_varentropy < medium",
        ),
        temperature_constant=1.5,
        temperature_interaction_strength=0.1,
        top_k_minimum=33,
    ),
    resampling=Resampling(
        when=(
            "logits_entropy > high",
            "logits_varentropy > high",
            "attention_entropy > high",
        ),
        temperature_constant=1.2,
        temperature_attention_varentropy=0.7,
        top_p_shift_attention_entropy=-0.05,
    ),
    adaptive=Adaptive(
        temperature_logits_entropy=0.65,
        temperature_logits_varentropy=0.0,
        temperature_attention_entropy=0.2,
        temperature_attention_varentropy=0.0,
        temperature_agreement=-200.0,
        temperature_minimum=0.0,
        temperature_maximum=2.3,
        top_p_attention_varentropy=-0.08,
        top_p_minimum=0.6,
        top_k_constant=0.6,
        top_k_interaction_strength=0.10,
        top_k_agreement=-21.0,
        top_k_minimum=10,
        top_k_maximum=60,
        min_p_logits_entropy=-0.02,
        min_p_logits_varentropy=-0.02,
        min_p_minimum=0.01,
        min_p_maximum=0.4,
    ),
)
"""The sampler of the MLX port's frog branch.

Its EXPLORING quadrant cannot be reached: it asks for an entropy under 0.004 bits together with a
varentropy over 6 bits², and with so little entropy almost all of the probability lies on one
token, which keeps the varentropy far under 1 bit² in any vocabulary. The condition stands as
published. Where the ADAPTIVE formula gives a temperature of 0, the likeliest token is taken.
"""

PRESETS: dict[str, SamplerConfig] = dict(zip(NAMES[1:-1], (ENTROPIX, FROG), strict=True))
"""The published presets by their names."""

SAMPLERS: dict[str, SamplerConfig | PlainConfig] = {**PRESETS, NORMAL: PlainConfig()}
"""Every sampler that needs no fitting to a model, by its name."""

FITTED = SamplerConfig(
    temperature=0.8,
    top_p=1.0,
    top_k=MOST_RANKS,
    min_p=0.15,
    min_tokens_to_keep=1,
    n_adaptive_samples=1,
    treading=Treading(clarifies=False, temperature_constant=1.0, temperature_attention_entropy=0.0),
    exploring=Exploring(
        temperature_constant=0.0,
        temperature_interaction_strength=0.0,
        top_k_constant=1.0,
        top_k_agreement=0.0,
    ),
    resampling=Resampling(
        temperature_constant=0.0,
        temperature_attention_varentropy=0.0,
        temperature_minimum=0.0,
        top_p_shift_attention_entropy=0.0,
    ),
    adaptive=Adaptive(
        temperature_constant=0.0,
        temperature_logits_entropy=0.0,
        temperature_logits_varentropy=0.0,
        temperature_attention_entropy=0.0,
        temperature_attention_varentropy=0.0,
        temperature_agreement=0.0,
        top_p_attention_varentropy=0.0,
        top_k_interaction_strength=0.0,
        top_k_agreement=0.0,
        min_p_logits_entropy=0.0,
        min_p_logits_varentropy=0.0,
    ),
)
"""What the quadrants of a fitted preset do, unless it is tuned; the thresholds are to be fitted.

The likeliest token, but where many are about equally likely (TREADING): there a draw costs
little. Nothing follows the attention, and no pause is put in. docs/evidence.md says why.
"""
