"""Labelled polygons: read, cleaned, given to tiles, split into training and validation."""
