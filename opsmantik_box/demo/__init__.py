"""The demo: a Box in a temporary folder, invented visitors who come through the real wire, and a page to try with one's own hands."""
