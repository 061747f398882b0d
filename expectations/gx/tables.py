"""Columns of a block in the form in which privacy is counted."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from ...transforms.blocks.identity import bare_identifiers, normalised_identities
from ...transforms.kanonymity.counting.tokens import number_people
from .measure import UnfitError

__all__ = ["as_texts", "label_columns", "names_of_people", "only_column", "people_of"]


def only_column(block: pa.RecordBatch, name: str) -> pa.Array:
    """Give the column of that name, dictionaries decoded, text as `string`.

    Raises:
        UnfitError: there is none, there are two, or its values cannot be compared.
    """
    found = block.schema.names.count(name)
    if found != 1:
        word = "is not in the data" if found == 0 else "is in the data twice"
        message = f"column {name!r} {word}"
        raise UnfitError(message)
    array = block.column(block.schema.names.index(name))
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    kind = array.type
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return array.cast(pa.string())
    if pa.types.is_null(kind):
        return pa.nulls(len(array), pa.string())
    if pa.types.is_nested(kind) or _is_binary(kind):
        message = f"column {name!r} is {kind}; its values cannot be compared"
        raise UnfitError(message)
    return array


def _is_binary(kind: pa.DataType) -> bool:
    return (
        pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_fixed_size_binary(kind)
        or pa.types.is_binary_view(kind)
    )


def label_columns(block: pa.RecordBatch, names: Sequence[str]) -> list[pa.Array]:
    """Give columns whose equal values are equal bits; null is a label of its own.

    NaN counts as null, and `-0.0` as zero, as for pandas.

    Raises:
        UnfitError: see `only_column`.
    """
    return [_canonical(only_column(block, name)) for name in names]


def _canonical(array: pa.Array) -> pa.Array:
    if not pa.types.is_floating(array.type):
        return array
    array = array.cast(pa.float64())
    numbers = pc.if_else(pc.is_nan(array), pa.scalar(None, pa.float64()), array)
    return pc.add(numbers, 0.0)


def as_texts(array: pa.Array, name: str) -> pa.Array:
    """Write values as text: any → string.

    Raises:
        UnfitError: there is no text form of them.
    """
    try:
        return array.cast(pa.string())
    except pa.ArrowException:  # its message may quote a value
        message = f"column {name!r} is {array.type}; it has no text form"
        raise UnfitError(message) from None


def names_of_people(block: pa.RecordBatch, column: str) -> pa.Array:
    """Give the data subjects of rows as they are compared; null where nobody is named.

    Case, outer blanks and the composition of letters do not tell people apart; blank
    and all-zero identifiers and words such as `null` name nobody.

    Raises:
        UnfitError: see `only_column`.
    """
    texts = as_texts(_canonical(only_column(block, column)), column)
    nobody = bare_identifiers(texts).fill_null(True)
    return pc.if_else(
        nobody, pa.scalar(None, pa.string()), normalised_identities(texts)
    )


def people_of(block: pa.RecordBatch, column: str) -> pa.Array:
    """Give each row's data subject as a token that is the same in every process.

    Raises:
        UnfitError: a row names nobody, so that people cannot be counted.
    """
    names = names_of_people(block, column)
    if names.null_count:
        message = (
            f"{names.null_count} rows have no data subject in column {column!r}; people "
            "cannot be counted"
        )
        raise UnfitError(message)
    return number_people(names)
