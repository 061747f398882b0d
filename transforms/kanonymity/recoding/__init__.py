"""Recoding: one level per column for all records, and what every recoding shares."""
