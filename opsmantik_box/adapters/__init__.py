"""The outside world, one small protocol each. Empty until the first adapter (telephony) arrives."""
