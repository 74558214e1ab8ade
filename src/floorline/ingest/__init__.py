"""What comes from outside becomes records."""
