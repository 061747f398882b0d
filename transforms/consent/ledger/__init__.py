"""The ledger of consent decisions, and its join as of each event."""
