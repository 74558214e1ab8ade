"""Measurements: each prints its figures beside a bare baseline of the same run, never a pass or a fail."""
