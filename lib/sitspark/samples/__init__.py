"""Labelled pixels: choosing them, reading their series (observations), turning them into features (samples)."""
