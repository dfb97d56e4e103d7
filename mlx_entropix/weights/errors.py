"""The one error of this layer: weights that are missing or cannot be used."""


class WeightsError(ValueError):
    """Says in a sentence or two what is wrong with the weights and what to do."""
