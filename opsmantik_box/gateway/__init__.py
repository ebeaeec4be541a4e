"""The gateway faces the network and only reads: it decodes, authenticates, limits, and hands every write to the engine."""
