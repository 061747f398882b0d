"""Demo events as lines of JSON in OpenRTB's shape, ill-formed lines among them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields
from typing import Any, Final

from .events import APPS, Chunk
from .people import (
    ATT_VALUES,
    COUNTRIES,
    GENDERS,
    MODELS,
    OPT_IN_VALUES,
    OS_NAMES,
    Population,
)
from .texts import Plant, message_text, query_text

__all__ = ["auction_id", "lines_of", "person_name"]

_ODD: Final = 0x9E37_79B9_7F4A_7C15  # odd: multiplying by it permutes 64-bit words
_ZERO_ID: Final = "00000000-0000-0000-0000-000000000000"
_ENCODE: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
# No text stands in a line of these kinds, so that nothing planted is cut off.
_TEXTLESS: Final = ("truncated", "not_object", "blank", "not_utf8")


def person_name(person: int) -> str:
    """Give the name of a person in the truth; it is in no event."""
    return f"person-{person:07d}"


def auction_id(index: int, salt: int) -> str:
    """Give the id of the event with this number: unique, and of 32 hex digits."""
    return f"{(index + 1) * _ODD % 2**64:016x}{salt:016x}"


def lines_of(
    chunk: Chunk, population: Population, first_index: int
) -> Iterator[tuple[bytes, list[Plant]]]:
    """Write each event of a chunk as one line without its end, with what is planted.

    Args:
        chunk: the events.
        population: who acted.
        first_index: number of the chunk's first event in the whole demo.
    """
    columns = _columns(chunk, population)
    names = list(columns)
    for index, cells in enumerate(zip(*columns.values(), strict=True)):
        event = dict(zip(names, cells, strict=True))
        event["id"] = auction_id(first_index + index, event["salt"])
        record, plants = _record(event)
        yield _line(record, event["malformed"], event["salt"]), plants


def _columns(chunk: Chunk, population: Population) -> dict[str, list[Any]]:
    """Give all that a record needs as lists: plain numbers are quickest to write."""
    columns = {column.name: getattr(chunk, column.name) for column in fields(chunk)}
    del columns["jitter"]
    columns["north"], columns["east"] = chunk.jitter
    for name in ("os", "model", "lmt", "dnt", "ids", "network"):
        columns[name] = getattr(population, name)[chunk.device]
    for name in ("yob", "gender", "country"):
        columns[name] = getattr(population, name)[chunk.person]
    return {name: column.tolist() for name, column in columns.items()}


def _record(event: dict[str, Any]) -> tuple[dict[str, Any], list[Plant]]:
    app, plants = _app(event)
    record: dict[str, Any] = {
        "ts": event["time_ms"],
        "auction_id": event["id"],
        "clicked": event["clicked"],
        "price": event["price"],
        "imp": [{"id": "1"}],
        "app": app,
        "device": _device(event),
        "user": _user(event),
    }
    if APPS[event["app"]][3]:
        record["regs"] = {"coppa": 1}
    elif event["salt"] % 4 == 0:
        record["regs"] = {"coppa": 0}
    answer = OPT_IN_VALUES[event["opt_in"]]
    if answer is not None:
        record["ext"] = {"consent": {"ml_training": answer}}
    return record, plants


def _device(event: dict[str, Any]) -> dict[str, Any]:
    country, region, city, postal, lat, lon = COUNTRIES[event["country"]]
    high, low = event["ids"]
    octets = [*event["network"], low % 254 + 1]
    cells: dict[str, Any] = {
        "os": OS_NAMES[event["os"]],
        "model": MODELS[event["model"]],
        "ip": ".".join(map(str, octets)),
        "geo": {
            "country": country,
            "region": region,
            "city": city,
            "zip": postal,
            "lat": round(lat + event["north"], 4),
            "lon": round(lon + event["east"], 4),
        },
    }
    if event["ifa"]:
        own = _uuid(high, low)
        cells["ifa"] = _ZERO_ID if event["ifa"] == 1 else own
        if event["att"] >= 0:
            cells["ifa"] = cells["ifa"].upper()  # as Apple writes it
    for name in ("lmt", "dnt"):
        if event[name] >= 0:
            cells[name] = event[name]
    if event["att"] >= 0:
        cells["ext"] = {"ifv": _uuid(low, high).upper()}
        status = ATT_VALUES[event["att"]]
        if status is not None:
            cells["ext"]["atts"] = status
    return cells


def _user(event: dict[str, Any]) -> dict[str, Any]:
    cells: dict[str, Any] = {}
    if event["user"]:
        cells["id"] = f"u{event['person'] * _ODD % 2**32:08x}"
    if event["yob"]:
        cells["yob"] = event["yob"]
    gender = GENDERS[event["gender"]]
    if gender is not None:
        cells["gender"] = gender
    return cells


def _app(event: dict[str, Any]) -> tuple[dict[str, Any], list[Plant]]:
    bundle, name, category, _ = APPS[event["app"]]
    cells: dict[str, Any] = {"bundle": bundle, "name": name, "cat": [category]}
    plants: list[Plant] = []
    texts = (
        ("query", "search_query", query_text),
        ("message", "support_message", message_text),
    )
    if event["malformed"] in _TEXTLESS:
        return cells, plants
    for kind, field, write in texts:
        if event[kind]:
            text, found = write(
                event["person"], event["pick"], planted=event[kind] == 2
            )
            cells[field] = text
            plants += found
    return cells, plants


def _line(record: dict[str, Any], malformed: str, salt: int) -> bytes:
    """Serialise a record, spoilt in the way that `malformed` says."""
    match malformed:
        case "blank":
            return b""
        case "not_object":
            return (b"[1, 2, 3]", b'"late"', b"42")[salt % 3]
        case "no_event_time":
            record.pop("ts")
            if salt % 2:
                record["ts"] = None
        case "wrong_type":
            part, field, value = (
                (record["user"], "yob", "unknown"),
                (record["device"]["geo"], "lat", "north"),
                (record, "price", "high"),
                (record, "clicked", "maybe"),
            )[salt % 4]
            part[field] = value
    line = _ENCODE(record).encode()
    if malformed == "truncated":
        return line[: len(line) * (30 + salt % 60) // 100]
    if malformed == "not_utf8":
        return line.replace(b'"bundle":"', b'"bundle":"\xff', 1)
    return line


def _uuid(high: int, low: int) -> str:
    text = f"{high:016x}{low:016x}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
