"""What a call costs: the price book, usage read from answers, and cost lines. Pure."""
