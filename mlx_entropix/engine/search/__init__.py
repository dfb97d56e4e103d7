"""Forks: one request on several paths, and which of them is the answer.

Read search.py (what all policies share), then the policies, each a file: independent.py, first.py,
entropy.py, lookahead.py, deepconf.py. scores.py, extract.py and votes.py are what paths are
compared by; policies.py makes configurations of names and files.
"""

from mlx_entropix.engine.search.extract import Extract, Extractor, extractor
from mlx_entropix.engine.search.fork_config import ForkConfig
from mlx_entropix.engine.search.policies import POLICIES, fork_config, read_fork_file
from mlx_entropix.engine.search.search import Search, forked

__all__ = [
    "POLICIES",
    "Extract",
    "Extractor",
    "ForkConfig",
    "Search",
    "extractor",
    "fork_config",
    "forked",
    "read_fork_file",
]
