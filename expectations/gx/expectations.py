"""The privacy expectations as Great Expectations classes; importing this imports GX.

They work in any GX project, on pandas batches. Results hold counts in every result
format, `COMPLETE` too. What cannot be measured (a missing column, no rows, rows without
a person) fails, with the reason in `details`.
"""

from __future__ import annotations

from typing import Any, ClassVar, TypeAlias

from .base import PrivacyExpectation, metric_of
from .definitions import PRIVACY, Definition

__all__ = [
    "ExpectColumnDriftToBeBelow",
    "ExpectColumnValuesToContainNoPII",
    "ExpectNoDirectIdentifiers",
    "ExpectOnlyConsentedSubjects",
    "ExpectTableToBeKAnonymous",
    "ExpectTableToBeLDiverse",
    "ExpectTableToBeTClose",
    "ExpectTrajectoriesToBeNonUnique",
]

# pydantic reads these when a class is made.
Parameter: TypeAlias = dict[str, Any]  # {"$PARAMETER": …}, in place of any argument
Column: TypeAlias = str | Parameter
Columns: TypeAlias = list[str] | Parameter
Count: TypeAlias = int | Parameter
Number: TypeAlias = int | float | Parameter
Text: TypeAlias = str | Parameter
Words: TypeAlias = list[str] | Parameter
Aggregates: TypeAlias = str | dict[str, Any]


class ExpectTableToBeKAnonymous(PrivacyExpectation):
    """Every class of the quasi-identifiers covers at least k people.

    Observed: people of the smallest class, counted up to 4 k.

    Args:
        quasi_identifiers: columns that make a class; null is a value of its own.
        k: fewest distinct data subjects of a class, at least 2.
        subject_column: whom a row is about.
        rows_are_people: instead: each row is a person of its own.
        max_violating_fraction: largest share of rows that may stand in smaller classes.
    """

    quasi_identifiers: Columns
    k: Count
    subject_column: Column | None = None
    rows_are_people: bool = False
    max_violating_fraction: Number | None = None

    privacy: ClassVar[Definition | None] = PRIVACY["expect_table_to_be_k_anonymous"]
    metric_dependencies: ClassVar[tuple[str, ...]] = metric_of(
        "expect_table_to_be_k_anonymous"
    )
    success_keys: ClassVar[tuple[str, ...]] = PRIVACY[
        "expect_table_to_be_k_anonymous"
    ].arguments


class ExpectTableToBeLDiverse(PrivacyExpectation):
    """Every class holds l different values of a sensitive attribute, by person.

    Observed: l of the worst class.

    Args:
        quasi_identifiers: columns that make a class.
        sensitive_column: the attribute.
        l: at least 2.
        diversity: `distinct` values, `entropy` of log(l), or `recursive` (c, l).
        c: of `recursive`.
        subject_column: whom a row is about.
        rows_are_people: instead: each row is a person of its own.
        max_violating_fraction: largest share of rows in classes that fall short.
    """

    quasi_identifiers: Columns
    sensitive_column: Column
    l: Count  # noqa: E741  # the literature's name
    diversity: Text | None = None
    c: Number | None = None
    subject_column: Column | None = None
    rows_are_people: bool = False
    max_violating_fraction: Number | None = None

    privacy: ClassVar[Definition | None] = PRIVACY["expect_table_to_be_l_diverse"]
    metric_dependencies: ClassVar[tuple[str, ...]] = metric_of(
        "expect_table_to_be_l_diverse"
    )
    success_keys: ClassVar[tuple[str, ...]] = PRIVACY[
        "expect_table_to_be_l_diverse"
    ].arguments


class ExpectTableToBeTClose(PrivacyExpectation):
    """In every class a sensitive attribute is spread nearly as in the whole table.

    Observed: t of the worst class.

    Args:
        quasi_identifiers: columns that make a class.
        sensitive_column: the attribute.
        t: largest earth mover's distance, above 0 and below 1.
        distance: between values: `equal` (total variation), `ordered` by rank, or
            `hierarchical` in `hierarchy`.
        order: of `ordered` texts, from lowest to highest.
        hierarchy: CSV `leaf;level1;…;*` of `hierarchical`.
        subject_column: whom a row is about.
        rows_are_people: instead: each row is a person of its own.
        max_violating_fraction: largest share of rows in classes beyond t.
    """

    quasi_identifiers: Columns
    sensitive_column: Column
    t: Number
    distance: Text | None = None
    order: Words | None = None
    hierarchy: Text | None = None
    subject_column: Column | None = None
    rows_are_people: bool = False
    max_violating_fraction: Number | None = None

    privacy: ClassVar[Definition | None] = PRIVACY["expect_table_to_be_t_close"]
    metric_dependencies: ClassVar[tuple[str, ...]] = metric_of(
        "expect_table_to_be_t_close"
    )
    success_keys: ClassVar[tuple[str, ...]] = PRIVACY[
        "expect_table_to_be_t_close"
    ].arguments


class ExpectColumnValuesToContainNoPII(PrivacyExpectation):
    """No value of a column holds personal data.

    Observed: rows with a finding.

    Args:
        column: text, or whole numbers, which are read as text.
        entities: what is looked for; card and account numbers, e-mail, IP and MAC
            addresses, national and phone numbers and secrets by default.
        engine: `rules`, or `model` for names and places.
        language: of the text.
        max_violating_fraction: largest share of the rows with a finding.
    """

    column: Column
    entities: Words | None = None
    engine: Text | None = None
    language: Text | None = None
    max_violating_fraction: Number | None = None

    privacy: ClassVar[Definition | None] = PRIVACY[
        "expect_column_values_to_contain_no_pii"
    ]
    metric_dependencies: ClassVar[tuple[str, ...]] = metric_of(
        "expect_column_values_to_contain_no_pii"
    )
    success_keys: ClassVar[tuple[str, ...]] = PRIVACY[
        "expect_column_values_to_contain_no_pii"
    ].arguments


class ExpectOnlyConsentedSubjects(PrivacyExpectation):
    """Every row is about somebody whom a snapshot of consent lists.

    Observed: rows of nobody and of people who are not listed.

    Args:
        subject_column: whom a row is about.
        snapshot: Parquet, CSV or JSON Lines file of the people who consented.
        snapshot_column: its column that names them; `subject_column` by default.
    """

    subject_column: Column
    snapshot: Text
    snapshot_column: Column | None = None

    privacy: ClassVar[Definition | None] = PRIVACY["expect_only_consented_subjects"]
    metric_dependencies: ClassVar[tuple[str, ...]] = metric_of(
        "expect_only_consented_subjects"
    )
    success_keys: ClassVar[tuple[str, ...]] = PRIVACY[
        "expect_only_consented_subjects"
    ].arguments


class ExpectNoDirectIdentifiers(PrivacyExpectation):
    """No column names people or devices, by its name or by its values.

    Observed: columns that do.

    Args:
        allowed_columns: columns that are not looked at, such as keyed pseudonyms.
    """

    allowed_columns: Columns | None = None

    privacy: ClassVar[Definition | None] = PRIVACY["expect_no_direct_identifiers"]
    metric_dependencies: ClassVar[tuple[str, ...]] = metric_of(
        "expect_no_direct_identifiers"
    )
    success_keys: ClassVar[tuple[str, ...]] = PRIVACY[
        "expect_no_direct_identifiers"
    ].arguments


class ExpectTrajectoriesToBeNonUnique(PrivacyExpectation):
    """A few known events of a person seldom single the person out.

    Observed: share of the tested people who are unique.

    Args:
        subject_column: whom a row is about.
        event_columns: what makes an event, such as place and hour.
        known_events: events that an attacker knows; of people with fewer, all.
        max_unique_fraction: largest share of people who may be unique.
        seed: of the draw of events and people.
        sample_people: most people who are tested, 10,000 by default; 0: all.
    """

    subject_column: Column
    event_columns: Columns
    known_events: Count
    max_unique_fraction: Number
    seed: Count | None = None
    sample_people: Count | None = None

    privacy: ClassVar[Definition | None] = PRIVACY[
        "expect_trajectories_to_be_non_unique"
    ]
    metric_dependencies: ClassVar[tuple[str, ...]] = metric_of(
        "expect_trajectories_to_be_non_unique"
    )
    success_keys: ClassVar[tuple[str, ...]] = PRIVACY[
        "expect_trajectories_to_be_non_unique"
    ].arguments


class ExpectColumnDriftToBeBelow(PrivacyExpectation):
    """A column is distributed as in its source, of which only counts are known.

    Observed: the drift.

    Args:
        column: numbers, or categories.
        baseline: what `drift_baseline` gave of the source, or the path of a JSON file
            with it.
        threshold: the drift must be below it.
        method: `psi`, or `ks` for numbers.
    """

    column: Column
    baseline: Aggregates
    threshold: Number
    method: Text | None = None

    privacy: ClassVar[Definition | None] = PRIVACY["expect_column_drift_to_be_below"]
    metric_dependencies: ClassVar[tuple[str, ...]] = metric_of(
        "expect_column_drift_to_be_below"
    )
    success_keys: ClassVar[tuple[str, ...]] = PRIVACY[
        "expect_column_drift_to_be_below"
    ].arguments
