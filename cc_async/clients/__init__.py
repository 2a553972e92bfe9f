"""The inside of both clients: options and lifecycle, and the way of one question down to the engine."""
