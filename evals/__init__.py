"""Does the sampler help? Questions with checkable answers, asked under many samplers.

Read tasks.py (what is asked), extraction.py (what counts as an answer), arms.py (which samplers),
runner.py (asking, resumably), intervals.py and report.py (what the difference is, and how sure one
can be of it), reliability.py (whether the metrics know a wrong answer). docs/evals.md shows how to
run it.
"""
