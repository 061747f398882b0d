"""Tools that make tables k-anonymous, each behind an adapter, and what measures them.

`roster` names them. An adapter is imported in two environments: in the tool's own, where
the tool runs, and in the benchmark's, where its labels are read. So none imports its
tool, or optin, before it has to.
"""
