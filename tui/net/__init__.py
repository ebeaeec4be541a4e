"""Talking to the Box, and keeping what it has not heard yet. Knows no widget."""
