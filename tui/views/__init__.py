"""What a screen shows, as lines. Pure functions of the model, the width and the time."""
