"""Counters of budgets and rates: one seam (`guarding.Counters`), in this process or shared by several over Redis.

What a gateway settles and reserves is in its `tally`, whichever of the two it is. Budgets belong to the window in which a call
opened, whenever it closes. A checkpoint beside the spool, and what the spool holds beyond it, bring a tally back after `kill -9`.
"""
