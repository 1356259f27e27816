"""Where imagery comes from: product layouts, the catalogue of scenes, and the reading of cubes."""
