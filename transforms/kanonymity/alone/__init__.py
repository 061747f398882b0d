"""Alone: k-anonymity without a run, for tables, blocks, rows and Beam YAML."""
