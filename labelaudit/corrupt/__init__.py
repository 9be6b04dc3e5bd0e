"""Planted label noise as the papers define it, and a copy of a dataset that carries it."""
