"""OpenAI's Responses API: a translation of its requests to chats, and of chats' answers back.

response_request.py has what a client may send, input_items.py the items of its `input`. Of the
answer, response_events.py makes items and events, which response_schemas.py declares.
"""
