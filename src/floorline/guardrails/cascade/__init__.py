"""Cheap first, then looked at, then the next stage where it did not do.

rule (stages, checks, bar) ▸ step (whether a call cascades) ▸ the gateway asks, checks, escalates ▸ labels ▸ thresholds (certificate)
"""
