"""The published port's names of a sampler's values, which are all in one flat list.

Its first sampler, the preset `entropix`, has short names (`helv_attn_ent_coef`); that of its frog
branch, the preset `frog`, has long ones. Thresholds are called there as here. The branch's last
sampler has a bound, `epsilon`, and of the others' values the temperature alone; it is the plain
sampler with a `min_entropy_gain`.
"""

from typing import Any, NamedTuple


class _Place(NamedTuple):
    """Where a value stands here, in tables by a dot, and with which sign."""

    names: tuple[str, ...]
    sign: int = 1


def _of(*names: str, sign: int = 1) -> _Place:
    return _Place(names, sign)


_SHORT = {
    "temp": _of("temperature"),
    "helv_attn_ent_offset": _of("treading.temperature_constant"),
    "helv_attn_ent_coef": _of("treading.temperature_attention_entropy"),
    "lehv_interaction_strength_offset": _of("exploring.temperature_constant"),
    "lehv_interaction_strength_coef": _of("exploring.temperature_interaction_strength"),
    "hehv_attn_ent_coef": _of("resampling.top_p_shift_attention_entropy", sign=-1),
    "hehv_attn_vent_offset": _of("resampling.temperature_constant"),
    "hehv_attn_vent_coef": _of("resampling.temperature_attention_varentropy"),
    "ada_temp_logits": _of(
        "adaptive.temperature_logits_entropy", "adaptive.temperature_logits_varentropy"
    ),
    "ada_temp_attn": _of(
        "adaptive.temperature_attention_entropy", "adaptive.temperature_attention_varentropy"
    ),
    "ada_temp_agree": _of("adaptive.temperature_agreement", sign=-1),
    "ada_top_p": _of("adaptive.top_p_attention_varentropy"),
    "ada_top_k_int": _of("adaptive.top_k_interaction_strength"),
    "ada_top_k_agree": _of("adaptive.top_k_agreement", sign=-1),
    "ada_min_p": _of("adaptive.min_p_logits_entropy", "adaptive.min_p_logits_varentropy", sign=-1),
    **{
        f"{short}_{metric}_thresh": _of(f"{level}_logits_{name}_threshold")
        for short, level in (("low", "low"), ("med", "medium"), ("high", "high"))
        for metric, name in (("ent", "entropy"), ("vent", "varentropy"))
    },
}
_LONG = {
    "min_probability": _of("min_p"),
    "high_entropy_attention_offset": _of("treading.temperature_constant"),
    "high_entropy_attention_coefficient": _of("resampling.top_p_shift_attention_entropy", sign=-1),
    "low_entropy_interaction_strength_offset": _of("exploring.temperature_constant"),
    "low_entropy_interaction_strength_coefficient": _of(
        "exploring.temperature_interaction_strength"
    ),
    "high_entropy_varentropy_attention_offset": _of("resampling.temperature_constant"),
    "high_entropy_varentropy_attention_coefficient": _of(
        "treading.temperature_attention_entropy", "resampling.temperature_attention_varentropy"
    ),
    "adaptive_temperature_logits_coefficient": _of("adaptive.temperature_logits_entropy"),
    "adaptive_temperature_attention_coefficient": _of("adaptive.temperature_attention_entropy"),
    "adaptive_temperature_agreement_coefficient": _of("adaptive.temperature_agreement", sign=-1),
    "adaptive_top_p_coefficient": _of("adaptive.top_p_attention_varentropy", sign=-1),
    "adaptive_top_k_interaction_coefficient": _of("adaptive.top_k_interaction_strength"),
    "adaptive_top_k_agreement_coefficient": _of("adaptive.top_k_agreement", sign=-1),
    "adaptive_min_p_coefficient": _of(
        "adaptive.min_p_logits_entropy", "adaptive.min_p_logits_varentropy", sign=-1
    ),
}

_BOUND, _AT_FIRST = "epsilon", "min_consideration"
_WITH_BOUND = {"base": "normal", "top_p": 1, "top_k": 0, "min_p": 0}

_LEFT_OUT = (
    # What the score of adaptive draws was made of: it is the same for each, so none wins by it.
    *("ada_score_", "adaptive_score_"),
    "adaptive_top_k_coefficient",  # nothing looked at it
    "ada_noise_scale",  # of noise on those draws, which the preset has not
)
"""How names begin that have no place here."""


def nested(values: dict[str, Any]) -> dict[str, Any]:
    """The values under the names of here, and the `base` that the flat ones are of.

    Those that choose nothing are left out, beside a bound all that is no part of that sampler. What
    is not known stays.
    """
    if _BOUND in values:
        return _with_bound(values)
    known = [name for name in values if name in _SHORT or name in _LONG]
    if not known:
        return values
    found: dict[str, Any] = {"base": "frog" if any(n in _LONG for n in known) else "entropix"}
    for name, value in values.items():
        place = _SHORT.get(name) or _LONG.get(name)
        if place is None:
            if not name.startswith(_LEFT_OUT):
                found[name] = value
            continue
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        for path in place.names:
            table, _, last = path.rpartition(".")
            within = found.setdefault(table, {}) if table else found
            if isinstance(within, dict):
                within[last] = place.sign * value if is_number else value
    return found


def _with_bound(values: dict[str, Any]) -> dict[str, Any]:
    """The values of the sampler that adds tokens until the entropy grows by less than a bound.

    It begins with so many tokens as it is told, and then adds two before it looks for the first
    time.
    """
    found = dict(_WITH_BOUND)
    for name, value in values.items():
        if name == _BOUND:
            found["min_entropy_gain"] = value
        elif name == _AT_FIRST:
            found["min_tokens_to_keep"] = value + 2 if isinstance(value, int) else value
        elif name in ("temp", "temperature"):
            found["temperature"] = value
        elif not _is_of_another(name):
            found[name] = value
    return found


def _is_of_another(name: str) -> bool:
    """Whether a value is one that the other samplers have."""
    return (
        name in {*_SHORT, *_LONG, "top_p", "top_k", "min_p", "n_adaptive_samples"}
        or name.endswith("_threshold")
        or name.startswith(("ada_", "adaptive_"))
    )
