"""The one error of an evaluation that a person can put right."""


class EvalError(ValueError):
    """What was asked for cannot be done; one sentence says why and what to do instead."""
