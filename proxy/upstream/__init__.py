"""Choosing an upstream for a model, sending to it, fetching its results: the only HTTP client towards upstreams."""
