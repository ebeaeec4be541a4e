"""The outside world, one small protocol each."""
