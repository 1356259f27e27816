"""How good a map is: confusion matrices, scores, figures, the report."""
