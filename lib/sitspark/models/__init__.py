"""From the samples table to a model, and from a model to classes: networks, training loop, model files, inference."""
