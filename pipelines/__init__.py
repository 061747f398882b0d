"""ASSEMBLY: the training-set pipeline, releases, and the command line."""
