"""The console: a client like any other, over HTTP and server-sent events. It arrives with its own issue; nothing is here yet."""
