"""WHAT is allowed: the policy language, its loader, reason codes and profiles."""
