"""Several processes that compute one model: who they are, how they meet, and whether all live."""
