"""PROOF: Great Expectations suites and privacy checks on a staged set."""
