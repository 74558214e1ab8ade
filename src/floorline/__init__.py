"""Floorline: the gross-margin operating system for AI features."""

__version__ = "0.1.0"
