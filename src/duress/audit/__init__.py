"""Recorded logs in, ranked findings out."""
