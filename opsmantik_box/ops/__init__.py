"""What an owner does to a Box: look at it, check it, and (later) back it up, restore it, export and erase."""
