"""The relay: takes signals while the Box is away, keeps them on its own disk, and hands them on when it is back. Decides nothing."""
