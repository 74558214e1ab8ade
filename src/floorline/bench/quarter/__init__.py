"""A simulated quarter: a company whose margins are eroded on purpose, and what the alerts make of it."""
