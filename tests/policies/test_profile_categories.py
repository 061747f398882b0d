"""Signals that answer by category, as their feeds write them."""

from __future__ import annotations

import pyarrow as pa
import pytest

from optin.policies import load_profile
from optin.transforms.blocks.names import raw_name
from optin.transforms.consent.categories import read_categories
from optin.transforms.consent.readings import Reading
from optin.transforms.consent.view import BlockView

CHOICES = "context.consent.categoryPreferences"
ALLOWED = "context.consentManagement.allowedConsentIds"
DENIED = "context.consentManagement.deniedConsentIds"
EVENT = "unstruct_event_com_snowplowanalytics_snowplow_consent_preferences_1"
BOTH = '["ads","ai"]'

# Signal, what its columns hold, and the reading when "ads" and "ai" are asked for.
BY_CATEGORY = [
    ("segment", "category", {CHOICES: '{"ads":true,"ai":true}'}, "GRANT"),
    ("segment", "category", {CHOICES: '{"ads":"true","ai":1}'}, "GRANT"),
    ("segment", "category", {CHOICES: '{"ads":true,"ai":false}'}, "DENY"),
    ("segment", "category", {CHOICES: '{"ads":true,"AI":true}'}, "ABSENT"),
    ("segment", "category", {CHOICES: '{"ads":true,"ai":"yes"}'}, "UNLISTED"),
    ("segment", "category", {CHOICES: "{}"}, "ABSENT"),
    ("segment", "category", {CHOICES: '["ads","ai"]'}, "UNLISTED"),
    ("segment", "category", {CHOICES: None}, "ABSENT"),
    ("rudderstack", "category", {ALLOWED: BOTH}, "GRANT"),
    ("rudderstack", "category", {ALLOWED: BOTH, DENIED: "[]"}, "GRANT"),
    ("rudderstack", "category", {ALLOWED: BOTH, DENIED: '["x"]'}, "GRANT"),
    ("rudderstack", "category", {ALLOWED: '["ads","AI"]'}, "ABSENT"),
    ("rudderstack", "category", {ALLOWED: '["ads"]', DENIED: '["ai"]'}, "DENY"),
    ("rudderstack", "category", {ALLOWED: BOTH, DENIED: '["ai"]'}, "DENY"),
    ("rudderstack", "category", {DENIED: '["x"]'}, "ABSENT"),
    ("mparticle", "purpose", {"consent_state.gdpr.ads.consented": "true"}, "ABSENT"),
    *(
        (
            "mparticle",
            "purpose",
            {
                f"consent_state.gdpr.{key}.consented": text
                for key, text in (("ads", "true"), ("ai", ai))
            },
            reading,
        )
        for ai, reading in (("true", "GRANT"), ("false", "DENY"), ("yes", "UNLISTED"))
    ),
    *(
        (
            "amplitude",
            "property",
            {
                f"user_properties.{key}": text
                for key, text in (("ads", "true"), ("ai", ai))
            },
            reading,
        )
        for ai, reading in (
            ("true", "GRANT"),
            ("false", "DENY"),
            ("granted", "UNLISTED"),
        )
    ),
    *(
        (
            "snowplow",
            word,
            {f"{EVENT}.{kind}": event, f"{EVENT}.{scopes}": listed},
            reading,
        )
        for word, kind, scopes in (
            ("prefs", "event_type", "consent_scopes"),
            ("prefs_as_sent", "eventType", "consentScopes"),
        )
        for event, listed, reading in (
            ("allow_all", BOTH, "GRANT"),
            ("allow_all", '["ads"]', "DENY"),
            ("allow_all", None, "DENY"),
            ("allow_selected", BOTH, "GRANT"),
            ("allow_selected", '["ads","AI"]', "DENY"),
            ("deny_all", BOTH, "DENY"),
            ("withdrawn", BOTH, "DENY"),
            ("expired", BOTH, "DENY"),
            ("pending", BOTH, "UNDECIDED"),
            ("implicit_consent", BOTH, "UNDECIDED"),
            ("allow-all", BOTH, "UNLISTED"),
            (None, BOTH, "ABSENT"),
        )
    ),
]


@pytest.mark.parametrize(("name", "word", "cells", "reading"), BY_CATEGORY)
def test_profile_reads_categories_as_its_feed_writes_them(name, word, cells, reading):
    spec = load_profile(name).signals[word].named(word)
    asked = ("ads", "ai")
    columns = spec.columns(asked)
    assert set(cells) <= set(columns)
    arrays = {raw_name(c): pa.array([cells.get(c)], pa.string()) for c in columns}
    view = BlockView(pa.RecordBatch.from_pydict(arrays))
    found = read_categories(view, spec, asked)
    assert Reading(found.readings[0]).name == reading
    in_both = cells.get(ALLOWED) == BOTH and cells.get(DENIED) == '["ai"]'
    assert found.conflict.tolist() == [in_both]
