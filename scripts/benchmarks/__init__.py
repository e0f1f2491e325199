"""Measurements of the package: CPU time, as ratios within one run."""
