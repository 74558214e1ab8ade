"""What a margin is: recognised revenue, attribution, allocation, metrics. Pure."""
