"""Figures, ours and the peers', measured on the machine that runs them."""
