"""The rules. Pure: no I/O, no clock, no randomness, no logging; time is an argument."""
