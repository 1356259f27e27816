"""Networks, their data, the training loop and its distribution, and models on disk."""
