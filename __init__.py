"""optin: consent-aware Apache Beam ETL for machine-learning training data."""
