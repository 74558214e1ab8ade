"""What is proven, and how: labels say whether a cheap or stored answer was right, certificates what may be done by them.

Pure. Its figures are floats, statistics and never money: a bound is not a price.
"""
