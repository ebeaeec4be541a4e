"""What the console knows and what follows from it. Pure: messages and times in, rows out; no I/O, no widget."""
