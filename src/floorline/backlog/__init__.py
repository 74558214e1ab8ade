"""What would raise the margin, ranked by dollars a quarter, and what it did. Pure."""
