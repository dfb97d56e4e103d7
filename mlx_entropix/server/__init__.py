"""The HTTP face: an OpenAI-compatible API over the engine's rows.

Read settings.py, worker.py and engine_thread.py (the event loop and the thread that owns the
engine), requests.py and samplers.py (what a client may ask), answer.py and replies.py (what it
gets), routes.py, and app.py, which puts it all together. run.py starts and stops the process.
"""
