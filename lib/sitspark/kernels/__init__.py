"""Numerics on numpy arrays, compiled by numba: no file, no Spark, no torch."""
