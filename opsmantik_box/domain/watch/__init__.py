"""The watch's rules: what is wrong, since when, how sure that is, and when it is told again. Pure."""
