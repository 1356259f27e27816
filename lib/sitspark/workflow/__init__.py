"""From settings to a finished run: the run folder, its stages and their keys, and what each stage does."""
