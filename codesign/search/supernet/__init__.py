"""Weights that all networks of a space share, trained once for all of them, and searches that rest on them."""
