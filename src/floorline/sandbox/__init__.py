"""The demo company, traces of real traffic, and a simulated provider."""
