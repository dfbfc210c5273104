"""What is told of traces: requests as they left, how two turns differ."""
