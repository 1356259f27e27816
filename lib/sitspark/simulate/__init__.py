"""Synthetic landscapes written as real products: for the demonstration, for tests, for benchmarks."""

from sitspark.simulate.landscape import Landscape
from sitspark.simulate.simulation import Simulation, simulate

__all__ = ["Landscape", "Simulation", "simulate"]
