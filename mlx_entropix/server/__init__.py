"""The HTTP face: an OpenAI-compatible API over the engine's rows.

A request goes through middleware.py, routes.py and requests.py (what a client may ask for),
engine_requests.py (the same as the engine has it) and async_engine.py (the event loop's side of the
thread that owns the engine). Its events come back to an open_answer.py and through responses.py
(whole or as a stream) in the form that replies.py and, for paths, fork_events.py give them, and
schemas.py declares. responses_api/ and messages_api/ are the APIs of other clients, as translations
of chats (translation.py, dialect.py). app.py puts it all together, run.py starts and stops the
process.
"""
