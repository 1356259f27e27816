"""sitspark: land-cover maps from satellite image time series, on Spark."""

__version__ = "0.1.0"
