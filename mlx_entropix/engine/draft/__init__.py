"""Drafts: guesses at a row's next tokens, which the model verifies in one step.

They change nothing but the time: a row draws by its seed, branch and position, so a guess is taken
as far as it is what the row draws at that position. docs/developing.md says how they
are verified.
"""

from mlx_entropix.engine.draft.drafter import Drafter, IndexDrafter, make_drafter

__all__ = ["Drafter", "IndexDrafter", "make_drafter"]
