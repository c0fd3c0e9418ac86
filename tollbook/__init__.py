"""Tollbook: wholesale voice minutes into money that both carriers can check."""

__version__ = "0.1.0"
