"""The demo company and traces of real traffic."""
