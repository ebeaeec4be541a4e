"""OpsMantik Box: which ad clicks became contacts, row by row."""

__version__ = "0.1.0"
