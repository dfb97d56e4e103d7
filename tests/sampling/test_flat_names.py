"""A configuration in the published port's flat names is the one that it was there."""

import json

import pytest

from mlx_entropix.errors import ConfigError
from mlx_entropix.sampling import PRESETS, PlainConfig, read_config_file

SHORT = {
    **{"temp": 0.666, "top_p": 0.9, "top_k": 27, "min_p": 0.03, "n_adaptive_samples": 5},
    **{"low_ent_thresh": 0.1, "med_ent_thresh": 3.0, "high_ent_thresh": 5.0},
    **{"low_vent_thresh": 0.1, "med_vent_thresh": 3.0, "high_vent_thresh": 5.0},
    **{"helv_attn_ent_offset": 1.3, "helv_attn_ent_coef": 0.2},
    **{"lehv_interaction_strength_offset": 1.2, "lehv_interaction_strength_coef": 0.3},
    **{"hehv_attn_ent_coef": 0.2, "hehv_attn_vent_offset": 2.0, "hehv_attn_vent_coef": 0.5},
    **{"ada_temp_logits": 0.3, "ada_temp_attn": 0.2, "ada_temp_agree": 0.2, "ada_top_p": 0.1},
    **{"ada_top_k_int": 0.3, "ada_top_k_agree": 0.2, "ada_min_p": 0.5, "ada_score_int": 0.6},
}
LONG = {
    **{"temperature": 0.666, "min_probability": 0.03, "low_logits_entropy_threshold": 0.004},
    **{"high_entropy_attention_offset": 1.3, "high_entropy_attention_coefficient": 0.05},
    "low_entropy_interaction_strength_offset": 1.5,
    "low_entropy_interaction_strength_coefficient": 0.10,
    "high_entropy_varentropy_attention_offset": 1.2,
    "high_entropy_varentropy_attention_coefficient": 0.7,
    "adaptive_temperature_logits_coefficient": 0.65,
    "adaptive_temperature_attention_coefficient": 0.2,
    "adaptive_temperature_agreement_coefficient": 200,
    **{"adaptive_top_p_coefficient": 0.08, "adaptive_top_k_interaction_coefficient": 0.1},
    **{"adaptive_top_k_agreement_coefficient": 21, "adaptive_min_p_coefficient": 0.02},
    **{"adaptive_score_agreement_coefficient": 0.5, "adaptive_top_k_coefficient": 0.1},
}


BOUND = LONG | {"top_p": 1.0, "top_k": 33, "epsilon": 0.01, "min_consideration": 3}
ADDING = PlainConfig(top_p=1, top_k=0, min_p=0, min_entropy_gain=0.01, min_tokens_to_keep=5)


@pytest.mark.parametrize(
    ("values", "config"), [(SHORT, PRESETS["entropix"]), (LONG, PRESETS["frog"]), (BOUND, ADDING)]
)
def test_the_published_defaults_in_flat_names_are_that_sampler(tmp_path, values, config):
    path = tmp_path / "flat.json"
    path.write_text(json.dumps(values))
    assert read_config_file(path, "entropix").config == config


def test_a_flat_value_that_cannot_be_has_its_sentence(tmp_path):
    path = tmp_path / "flat.json"
    path.write_text('{"helv_attn_ent_coef": "hot"}')
    with pytest.raises(ConfigError, match=r"treading\.temperature_attention_entropy"):
        read_config_file(path)
