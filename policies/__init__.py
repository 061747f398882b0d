"""WHAT is allowed: the policy language, its loader, reason codes and profiles."""

from .digest import policy_digest
from .errors import (
    DecryptionError,
    Finding,
    GateError,
    InputError,
    KeyReferenceError,
    ModelMissingError,
    OptinError,
    OutputError,
    PolicyError,
)
from .loader import check_policy, load_policy
from .model import Policy
from .profile import Profile, load_profile, profile_names

__all__ = [
    "DecryptionError",
    "Finding",
    "GateError",
    "InputError",
    "KeyReferenceError",
    "ModelMissingError",
    "OptinError",
    "OutputError",
    "Policy",
    "PolicyError",
    "Profile",
    "check_policy",
    "load_policy",
    "load_profile",
    "policy_digest",
    "profile_names",
]
