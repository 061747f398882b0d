"""Strict decoders of consent strings."""
