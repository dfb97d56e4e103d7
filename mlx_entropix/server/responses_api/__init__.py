"""OpenAI's Responses API: a translation of its requests to chats, and of chats' answers back.

response_request.py has what a client may send, input_items.py the items of its `input`, and
conversation.py finds those that it only names, of what kept_responses.py keeps. Of the answer,
response_events.py makes items and events, which response_schemas.py declares.
"""
