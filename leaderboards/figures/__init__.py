"""Figures of how sure ranks are, and the numbers behind them.

``kinds``, ``names`` and ``numbers`` are for every process; ``drawing`` and what it imports load
matplotlib, and are for workers and commands alone.
"""
