"""What a user may choose from: the samplers' names, and the ranges of what they start from.

Plain Python without an import, so that `--help` need not wait for what checks a configuration.
"""

AUTO = "auto"
"""The name of the preset that is fitted to the loaded model; see sampling/auto.py."""

NORMAL = "normal"
"""The name of the plain sampler."""

NAMES = (AUTO, "entropix", "frog", NORMAL)
"""Every name of a sampler that a user may give; those in the middle are the published presets."""

MOST_RANKS = 100
"""No filter of the entropy sampler keeps more tokens than this."""

RANGES: dict[str, tuple[int, int]] = {
    "temperature": (0, 5),
    "top_p": (0, 1),
    "top_k": (1, MOST_RANKS),
    "min_p": (0, 1),
}
"""The least and the greatest of each value that the entropy sampler's quadrants start from."""

CHANGES: dict[str, tuple[float, float]] = {
    "repetition_penalty": (0.01, 10),
    "presence_penalty": (-2, 2),
    "frequency_penalty": (-2, 2),
    "top_n_sigma": (0, 100),
    "min_entropy_gain": (0, 0.5),
    "xtc_probability": (0, 1),
    "xtc_threshold": (0, 0.5),
}
"""The least and the greatest of what either sampler may be given beside these values."""

MOST_BIAS = 100
"""A bias may add or take so much of a token's logit."""

FORKS = ("independent", "first", "entropy", "lookahead", "deepconf")
"""Every policy of forks that a user may name; see engine/search/."""

EXTRACTORS = ("auto", "number", "line", "letter", "json:FIELD", "regex:PATTERN", "none")
"""The rules that find the answer in a path's text; see engine/search/extract.py."""

MOST_PATHS = 64
"""So many paths may be alive at once, and be made from the start."""

ROWS_AT_ONCE = 8
"""Prompts of a list that are answered at once, unless told otherwise."""

KV_BITS = (2, 4, 8)
"""In how many bits a number of the KV cache may be kept."""

KV_GROUP_SIZES = (32, 64, 128)
"""How many such numbers may share a scale."""

MOST_DRAFTED = 32
"""Tokens that are guessed ahead and verified in one step at most, unless told otherwise."""
