"""Counting: distinct tuples and their people, before and after, in any order of blocks."""
