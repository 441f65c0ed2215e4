"""A small scorer that was trained on recorded runs and is shipped as data."""
