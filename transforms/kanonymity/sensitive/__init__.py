"""Sensitive attributes: what a class gives away, and what a policy asks of it."""
