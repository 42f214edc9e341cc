"""What a list is worth and what was delivered: metrics (frame to frame) and figures (frame to Axes)."""
