"""What gateway and engine say to each other: typed messages (`messages`) and how they are cut from a stream (`framing`)."""
