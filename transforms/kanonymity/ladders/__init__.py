"""Ladders: what a value may be called, level by level, and what each level loses."""
