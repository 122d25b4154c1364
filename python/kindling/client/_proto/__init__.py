"""Made by python/generate.py."""
