"""Seeded demo events with known truth."""
