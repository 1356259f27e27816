"""How features are made of what is read: the recipe of a run, and the user's own functions."""
