"""Experiments: a share of customers is served in another way, and what that does to answers and to cost is measured and proven.

rule.py      who is treated (stable, by customer), what the treatment is, what counts as success
verdict.py   labels of both arms → not worse, harm, or not enough yet
"""
