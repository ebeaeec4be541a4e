"""The console: a client like any other, over HTTP and server-sent events.

Promises: nothing foreign reaches the terminal but through `paint.safe_text`; nothing typed is lost. Knows the wire and the rules both sides
share (`opsmantik_box.domain`), and no other part of the Box; opens no database.
"""
