"""Charts as plain Vega-Lite specifications, their data within them: for alerts, reviews and pages alike. Pure.

Figures stand in the data as decimal text, which Vega reads as numbers, so that none is made a float here. Unknown figures
are gaps, never zero.
"""
