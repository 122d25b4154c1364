"""Callbacks that report for you. Each needs its own package, and is imported by its own name."""
