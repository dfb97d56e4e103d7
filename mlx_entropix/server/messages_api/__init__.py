"""Anthropic's Messages API: a translation of its requests to chats, and of chats' answers back.

message_request.py has what a client may send, content_blocks.py the blocks of its messages. Of the
answer, message_events.py makes blocks and events, which message_schemas.py declares;
message_errors.py gives errors their form.
"""
