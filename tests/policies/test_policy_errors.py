"""One fault a case: the good policy is changed in one place, and the code is found there."""

from __future__ import annotations

import pytest

from optin.policies import PolicyError, check_policy, load_policy

# code, text in the good policy, what replaces it, text at which the finding stands
# ("" for the start of the replacement).
GOOD_REQUIRE = """\
  require:
    - signal: att
      when: {device.os: [iOS, iPadOS]}
    - signal: training
      field: ext.training
      grant: [true]
      deny: [false]
    - {signal: shop}
"""


def _ledger(more: str) -> str:
    entries = ["path: x.jsonl", "key: user.id", "time: {field: at}", more]
    return f"  ledger: {{{', '.join(filter(None, entries))}}}\n  profile:"


CASES = [
    # The file. ---------------------------------------------------------------
    ("E003", "{k: 5, suppress_max: 0.05}", "{k: 5", ": {suite"),
    ("E003", "  format: jsonl", "\tformat: jsonl", ""),
    ("E005", "output:", "---\noutput:", "---"),
    ("E006", "version: 1", "version: &one 1", "&one"),
    ("E006", "version: 1", "version: !!int 1", "!!int"),
    ("E006", "version: 1", "<<: {version: 1}", ""),
    ("E007", "version: 1", "version: " + "[" * 40 + "]" * 40, "[" * 9 + "]"),
    # Keys and values. --------------------------------------------------------
    ("E101", "  format: jsonl", "  format: jsonl\n  fromat: csv", "fromat"),
    ("E101", "  profile:", "  resolved: {}\n  profile:", "resolved"),
    ("E101", "purpose:", "digest: x\npurpose:", ""),
    ("E102", "name: clicks", "name: clicks\nname: other", "name: other"),
    ("E103", "purpose: train_ai_system\n", "", "version"),
    ("E103", "{k: 5, suppress_max: 0.05}", "{suppress_max: 0.05}", "anonymity"),
    ("E103", "type: event_id, ", "", "{name: id, action"),
    ("E104", "jsonl\n", "json\n", ""),
    ("E104", "format: jsonl", "format: bigquery", "bigquery"),
    ("E104", "{k: 5,", "{k: 5, quasi_identifiers: from_colums,", "from_colums"),
    ("E105", "k: 5", "k: '5'", "'5'"),
    ("E105", "k: 5", "k: 5.0", "5.0"),
    ("E105", "quasi: true, hierarchy: {prefix", "quasi: 1, hierarchy: {prefix", "1, h"),
    ("E105", "name: clicked", "name: 12", "12"),
    ("E105", "columns:\n", "columns:\n  - text\n", "text"),
    ("E105", "event_id: id", "event_id: [id]", "[id]"),
    ("E105", "audit: {path: audit/, drops: per_record}", "audit: ~", "~"),
    ("E105", "grant: [true]", "grant: [null]", "null"),
    ("E105", "grant: [true]", "grant: [[true]]", "[true]"),
    ("E105", "when: {device.os: [iOS, iPadOS]}", "when: {device.os: }", " }"),
    ("E106", "bits: 24", "bits: 32", "32"),
    ("E106", "suppress_max: 0.05", "suppress_max: 1", "1"),
    ("E106", "min_age: 16", "min_age: 0", "0}"),
    ("E107", "[user.id, device.ifa]", "[]", ""),
    ("E107", "[iOS, iPadOS]", "[]", ""),
    ("E107", "[month, year]", "[]", ""),
    ("E108", "version: 1", "1: version\nversion: 1", ""),
    ("E108", "version: 1", "? [a]\n: 1", "[a]"),
    ("E109", "name: clicked", 'name: "a\\0b"', '"a'),
    ("E109", "name: clicked", 'name: "a\\ud800"', '"a'),
    ("E110", "train_ai_system", "[train_ai_system]", ""),
    ("E110", "train_ai_system", "Train AI", ""),
    ("E110", "train_ai_system", "train_ai_system, marketing", ""),
    ("E111", "name: clicks", "name: Clicks", "Clicks"),
    ("E111", "name: clicked", "name: optin:clicked", "optin:clicked"),
    ("E115", "version: 1", "version: 2", "2"),
    ("E115", "version: 1", 'version: "1"', '"1"'),
    ("E115", "version: 1", "version: true", "true"),
    ("E118", "[coppa, lmt, ifa_zero]", "[coppa, lmt, coppa]", "coppa]"),
    ("E118", "[user.id, device.ifa]", "[user.id, user.id]", "user.id]"),
    ("E118", "[EMAIL_ADDRESS]", "[URL, URL]", "URL]"),
    ("E118", "{k: 5,", "{k: 5, quasi_identifiers: [user.yob, zip, country, day, zip],", "zip],"),
    # YAML 1.1. ---------------------------------------------------------------
    ("E130", "quasi: true, hierarchy: {prefix", "quasi: yes, hierarchy: {prefix", "yes"),
    ("E130", "grant: [true]", "grant: [True]", "True"),
    ("E130", "name: clicked", "name: y", "y"),
    ("E130", "version: 1", "on: 1\nversion: 1", ""),
    ("E134", "k: 5", "k: 010", "010"),
    ("E134", "k: 5", "k: 0x1F", "0x1F"),
    ("E134", "k: 5", "k: 1_000", "1_000"),
    ("E134", "name: clicked", "name: 12:30:00", "12:30:00"),
    ("E135", "suppress_max: 0.05", "suppress_max: .nan", ".nan"),
    ("E135", "suppress_max: 0.05", "suppress_max: -.inf", "-.inf"),
    ("E135", "suppress_max: 0.05", "suppress_max: 1e999", "1e999"),
    ("E135", "k: 5", "k: 9223372036854775808", "9223"),
    ("E136", "name: clicked", "name: 2026-01-31", "2026-01-31"),
    # Input. ------------------------------------------------------------------
    ("E112", "{field: ts, unit: ms}", "{unit: ms}", ""),
    ("E112", "{field: ts, unit: ms}", '{field: ts, fixed: "2026-01-31T00:00:00Z"}', ""),
    ("E113", "{field: ts, unit: ms}", "{fixed: 2026-01-31}", "2026-01-31"),
    ("E113", "{field: ts, unit: ms}", '{fixed: "2026-01-31T00:00:00"}', '"2026'),
    ("E113", "{field: ts, unit: ms}", "{fixed: 1700000000}", "1700000000"),
    ("E113", "{field: ts, unit: ms}", "{fixed: someday}", "someday"),
    ("E114", "unit: ms}\n  ev", "tz: Europe/Viena}\n  ev", "Europe/Viena"),
    ("E116", "unit: ms}\n  ev", "unit: ms, tz: UTC}\n  ev", "tz:"),
    # Consent. ----------------------------------------------------------------
    ("E119", "    shop: ", "    Sh-1: {field: x, grant: [1]}\n    shop: ", "Sh-1"),
    ("E119", "signal: training", "signal: my training", "my training"),
    ("E120", "openrtb_2_6", "opnrtb_2_6", ""),
    ("E121", "  profile:", "  on_unknown: allow\n  profile:", "allow"),
    ("E123", "signal: shop", "signal: shp", "shp"),
    ("E123", "[coppa, lmt,", "[copa, lmt,", "copa"),
    ("E124", "signal: shop", "signal: lmt", "lmt"),
    ("E124", "      grant: [true]\n", "", "training"),
    ("E125", "deny: [false]", 'deny: ["true"]', '"true"'),
    ("E125", 'deny: ["No"]', 'deny: ["YES"]', '"YES"'),
    ("E125", "grant: [true]\n      deny: [false]", "grant: [3]\n      deny: [3.0]", "3.0"),
    ("E126", "lmt, ifa_zero]", "lmt, tcf]", "tcf"),
    ("E128", "{signal: shop}", "{signal: shop, vendor: 7}", "vendor"),
    ("E128", "{signal: shop}", "{signal: shop, grant: [1]}", "grant: [1]}"),
    ("E129", "signal: training", "signal: shop", "ext.training"),
    ("E131", "{signal: shop}", "{signal: tcf, vendor: 7, purposes: [1, 12]}", "12]"),
    ("E132", "{signal: shop}", "{signal: tcf, purposes: [1]}", "{signal: tcf"),
    ("E132", "{signal: shop}", "{signal: tcf, vendor: 7}", "{signal: tcf"),
    ("E132", "{signal: shop}", "{signal: tcf, vendor: 0, purposes: [1]}", "0, p"),
    ("E133", "{signal: shop}", "{signal: shop, max_age: 13m}", "13m"),
    ("E133", "{signal: shop}", "{signal: shop, max_age: soon}", "soon"),
    ("E119", "    shop: {field", "    ledger: {field: a, grant: [1]}\n    shop: {field", "ledger: {field: a"),
    ("E120", "openrtb_2_6", "./own.yaml", "./own.yaml"),
    ("E122", GOOD_REQUIRE, "  require: []\n", "[]\n"),
    ("E103", GOOD_REQUIRE, "", "consent:"),
    ("E123", "{signal: shop}", "{signal: ledger}", "ledger}"),
    ("E126", "lmt, ifa_zero]", "lmt, ledger]", "ledger]"),
    ("E128", "{signal: shop}", "{signal: shop, categories: [a]}", "categories"),
    ("E128", "{signal: shop}", "{signal: shop, reject_policy_below: 4}", "reject_policy"),
    ("E128", "    shop: {field", "    a: {field: a, decoder: gpp, grant: [1]}\n    shop: {field", "grant: [1]"),
    ("E128", "    shop: {field", "    a: {field: a, grant: [1], sections: b}\n    shop: {field", "sections"),
    ("E137", "{signal: shop}", "{signal: shop, max_age: 13mo}", "max_age"),
    ("E113", "  profile:", _ledger("as_of: soon"), "soon"),
    ("E113", "  profile:", _ledger('as_of: "2026-01-31T00:00:00"'), '"2026-01-31T00:00:00"'),
    ("E133", "  profile:", _ledger("lateness: 3m"), "3m"),
    ("E101", "  profile:", _ledger("keys: user.id"), "keys"),
    ("E104", "  profile:", _ledger("format: xml"), "xml"),
    ("E104", "  profile:", _ledger("join: hash"), "hash"),
    ("E184", "  profile:", _ledger("").replace("key: user.id", "key: usr.id"), "usr.id"),
    ("E184", "  profile:", _ledger("").replace("key: user.id", "key: {usr.id: id}"), "usr.id"),
    ("E107", "  profile:", _ledger("").replace("key: user.id", "key: []"), "[]"),
    ("E114", "  profile:", _ledger("").replace("field: at", "field: at, tz: Mars"), "Mars"),
    ("E185", "  profile:", _ledger("").replace("x.jsonl", "x/"), "x/"),
    ("E165", "  profile:", _ledger("").replace("x.jsonl", '""'), '""'),
    ("E180", GOOD_REQUIRE, "  rules: [{name: us, veto: [lmt]}]\n", "{name: us"),
    ("E181", "  veto:", "  rules: [{name: a, require: [{signal: shop}]}, {name: b, require: [{signal: shop}]}]\n  veto:", "{name: b"),
    ("E118", "  veto:", "  rules: [{name: a, when: {x: 1}, require: [{signal: shop}]}, {name: a, require: [{signal: shop}]}]\n  veto:", "a, require: [{signal: shop}]}]"),
    ("E182", "  veto:", "  rules: [{name: a, when: {x: EEA}, require: [{signal: shop}]}]\n  veto:", "EEA"),
    ("E182", "  veto:", "  jurisdiction: {field: c}\n  rules: [{name: a, when: {c: Atlantis}, require: [{signal: shop}]}]\n  veto:", "Atlantis"),
    ("E104", "  veto:", "  jurisdiction: {field: c, on_unknown: allow}\n  veto:", "allow"),
    ("E183", "  veto:", "  veto_gpp: [SaleOptout]\n  veto:", "SaleOptout"),
    ("E183", "{signal: shop}", "{signal: shop, when: {gpp_section: seven}}", "seven"),
    (
        "E132",
        "{signal: shop}",
        "{signal: tcf, vendor: 7, purposes: []}",
        "{signal: tcf",
    ),
    (
        "E132",
        "{signal: shop}",
        "{signal: tcf, vendor: 99999999, purposes: [1]}",
        "99999999",
    ),
    (
        "E113",
        "  profile:",
        _ledger('as_of: "0001-01-01T00:00:00+23:00"'),
        '"0001-01-01T00:00:00+23:00"',
    ),
    ("E105", "  profile:", _ledger("").replace("key: user.id", "key: 7"), "7, time"),
    ("E105", "    shop: {field: [ext.shop, ext.shop2]", "    shop: {field: ''", "''"),
    ("E138", "    shop: {field", '    att: {field: a, grant: ["2"]}\n    shop: {field', '"2"'),
    ("E139", "kind: birth_year", "kind: age_years", "age_years"),
    # Columns. ----------------------------------------------------------------
    ("E140", "name: clicked", "name: zip", "zip, type: boolean"),
    ("E141", "action: redact", "action: hash", "hash"),
    ("E142", ", bits: 24", "", "truncate"),
    ("E142", ", digits: 1", "", "round"),
    ("E142", ", max_days: 14", "", "date_shift"),
    ("E142", "width: 5, quasi", "quasi", "bucket"),
    ("E142", "keep_chars: 3, quasi: true, hierarchy: {prefix: [2, 1]}", "quasi: true", "generalize"),
    ("E142", "keep_chars: 3, quasi: true, h", "h", "generalize"),
    ("E144", "type: boolean", "type: bolean", "bolean"),
    ("E145", "type: advertising_id, action: drop", "type: advertising_id, action: keep", "keep"),
    ("E145", "type: advertising_id, action: drop", "type: email, action: scan", "scan"),
    ("E146", "type: string, action: redact, replacement: x", "type: free_text, action: keep", "keep"),
    ("E147", "type: ip_address", "type: user_agent", "truncate"),
    ("E147", "type: latitude", "type: category", "round"),
    ("E147", "type: timestamp, action: date_shift, max_days: 14, unit: ms", "type: integer, action: date_shift, max_days: 14", "date_shift"),
    ("E147", "type: boolean, action: keep", "type: boolean, action: scan", "scan"),
    ("E147", "type: string, action: redact, replacement: x", "type: integer, action: generalize, keep_chars: 3", "keep_chars"),
    ("E103", "type: string, action: redact, replacement: x", "type: string", "{name: gone"),
    ("E142", "type: latitude, action: round, digits: 1", "type: latitude, action: geohash, length: 5", "geohash"),
    ("E142", "action: redact, replacement: x", "action: fake", "fake"),
    ("E142", "action: redact, replacement: x", "action: replace", "replace"),
    ("E145", "type: advertising_id, action: drop", "type: advertising_id, action: replace, map: {a: A}", "A}"),
    ("E145", "type: advertising_id, action: drop", "type: advertising_id, action: replace, map: {a: b}, default: keep", "keep"),
    ("E145", "type: boolean, action: keep", "type: birth_date, action: time_truncate, period: day", "day}"),
    ("E147", "type: date, action: keep", "type: date, action: time_truncate, period: hour", "hour"),
    ("E147", "type: boolean, action: keep", "type: boolean, action: mask", "mask"),
    ("E147", "type: string, action: redact, replacement: x", "type: number, action: geohash, length: 5, pair: zip", "geohash"),
    ("E148", "type: boolean,", "type: boolean, period: day,", "period"),
    ("E186", "action: redact, replacement: x", "action: mask, mask_char: '**'", "'**'"),
    ("E186", "action: redact, replacement: x", "action: mask, mask_char: a", "a}"),
    ("E187", "type: latitude, action: round, digits: 1", "type: latitude, action: geohash, length: 5, pair: nix", "nix}"),
    ("E187", "type: latitude, action: round, digits: 1", "type: latitude, action: geohash, length: 5, pair: zip", "zip}"),
    ("E188", "action: redact, replacement: x", "action: fake, kind: city, locale: de_XX", "de_XX"),
    ("E188", "action: redact, replacement: x", "action: fake, kind: city, locale: it_IT", "it_IT"),
    ("E148", "type: boolean,", "type: boolean, width: 3,", "width: 3"),
    ("E148", "type: boolean,", "type: boolean, key: env://A,", "key: env://A"),
    ("E148", "type: boolean,", "type: boolean, bits_v6: 48,", "bits_v6"),
    ("E148", "type: boolean,", "type: boolean, unit: s,", "unit: s,"),
    # k-anonymity. ------------------------------------------------------------
    ("E150", "k: 5", "k: 1", "1, s"),
    ("E192", "type: boolean,", "type: boolean, weight: 2,", "weight: 2"),
    ("E192", "type: boolean,", "type: boolean, max_level: 0,", "max_level: 0"),
    ("E193", "{dates: [month, year]}", "{dates: [month, year]}, max_level: 77", "77}"),
    ("E193", "width: 5, quasi: true, hierarchy: {widths: [10, 20]}", "width: 5, quasi: true, max_level: 77", "77}"),
    ("E193", "type: boolean, action: keep", "type: boolean, action: keep, quasi: true, max_level: 77", "77}"),
    ("E106", "{dates: [month, year]}", "{dates: [month, year]}, max_level: -7", "-7}"),
    ("E106", "{dates: [month, year]}", "{dates: [month, year]}, weight: 0.0", "0.0}"),
    ("E104", "k: 5", "k: 5, recoding: locale", "locale"),
    ("E106", "k: 5", "k: 5, recoding: local, effort: 0", "0, s"),
    ("E104", "k: 5", "k: 5, recoding: local, labels: both", "both"),
    ("E194", "type: advertising_id, action: drop", "type: advertising_id, action: hmac", "hmac"),
    ("E194", "{name: device.ifa, type: advertising_id, action: drop}", "{name: device.ifa, type: advertising_id}", "device.ifa"),
    ("E194", "type: advertising_id, action: drop", "type: category, action: keep", "keep"),
    ("E194", "type: string, action: redact, replacement: x", "type: session_id, action: encrypt", "encrypt"),
    ("E195", "{k: 5,", "{k: 5, subject: {harmonise: latest},", "harmonise"),
    ("E104", "{k: 5,", "{k: 5, subject: {publish: hashed},", "hashed"),
    ("E106", "{k: 5,", "{k: 5, contribution_cap: 0,", "0,"),
    ("W194", "{k: 5,", "{k: 5, subject: {publish: pseudonym},", "pseudonym"),
    ("E151", "{k: 5,", "{k: 5, quasi_identifiers: [user.yob, zp, zip, country, day],", "zp"),
    ("E151", "{k: 5,", "{k: 5, quasi_identifiers: [user.yob, zip, country],", "quasi: true, hierarchy: {dates"),
    ("E152", "{k: 5,", "{k: 5, quasi_identifiers: [],", "[]"),
    ("E153", "action: keep, quasi: true, hierarchy: {dates", "action: drop, quasi: true, hierarchy: {dates", "quasi: true, hierarchy: {dates"),
    ("E154", "action: scan", "action: scan, quasi: true", "quasi: true}"),
    ("E154", "type: country, action: keep", "type: country, action: hmac", "quasi: true, hierarchy: {table"),
    ("E155", "{dates: [month, year]}", "{prefix: [2]}", "prefix: [2]}"),
    ("E155", "{table: country.csv}", "{widths: [2]}", "widths: [2]}"),
    ("E156", "[10, 20]", "[10, 25]", "25"),
    ("E156", "[10, 20]", "[8, 16]", "8"),
    ("E156", "[10, 20]", "[0]", "0]"),
    ("E156", "[2, 1]", "[2, 2]", "2]"),
    ("E156", "[2, 1]", "[2, 0]", "0]"),
    ("E156", "[month, year]", "[year, month]", "month]"),
    ("E156", "action: bucket, width: 5, quasi: true, hierarchy: {widths: [10, 20]}", "action: keep, quasi: true, hierarchy: {quantiles: [8, 3]}", "3]}"),
    ("E156", "action: bucket, width: 5, quasi: true, hierarchy: {widths: [10, 20]}", "action: keep, quasi: true, hierarchy: {quantiles: [4, 8]}", "8]}"),
    ("E156", "action: bucket, width: 5, quasi: true, hierarchy: {widths: [10, 20]}", "action: keep, quasi: true, hierarchy: {quantiles: [1]}", "1]}"),
    ("E156", "{widths: [10, 20]}", "{quantiles: [8, 4]}", "[8, 4]"),
    ("E155", "{prefix: [2, 1]}", "{quantiles: [4]}", "quantiles: [4]"),
    ("E193", "hierarchy: {dates: [month, year]}", "max_level: 4, hierarchy: {quantiles: [4, 2]}", "4, hier"),
    ("E196", "{dates: [month, year]}", "{quantiles: [4], outside: suppress}", "outside: suppress"),
    ("E157", "{widths: [10, 20]}", "{}", ""),
    ("E157", "{widths: [10, 20]}", "{widths: [10], prefix: [1]}", ""),
    ("E158", "country.csv", "absent.csv", ""),
    ("E156", "{prefix: [2, 1]}", "{ip: [40]}", "40"),
    ("E156", "{widths: [10, 20]}", "{logarithmic: [10]}", "[10]"),
    ("E196", "{widths: [10, 20]}", "{widths: [10, 20], anchor: 3}", "anchor: 3"),
    ("E104", "{widths: [10, 20]}", "contry", "contry"),
    ("E155", "{widths: [10, 20]}", "us_zip", "us_zip"),
    ("E155", "{widths: [10, 20]}", "{builtin: country}", "country"),
    ("E157", "{widths: [10, 20]}", "{widths: [10], builtin: age}", ""),
    ("E196", "{widths: [10, 20]}", "{widths: [10, 20], outside: suppress}", "outside: suppress"),
    ("E158", "country.csv", "suite.json", ""),
    ("E158", "country.csv", "gs://bucket/country.csv", ""),
    ("E159", "type: boolean, action: keep", "type: category, action: keep, hierarchy: {prefix: [1]}", "hierarchy: {prefix: [1]}"),
    # Secrets and places. -----------------------------------------------------
    ("E160", "env://OPTIN_TEST_KEY", "hunter2hunter2", ""),
    ("E160", "env://OPTIN_TEST_KEY", "env://not a name", ""),
    ("E160", "env://OPTIN_TEST_KEY", "[a]", ""),
    ("E160", "file://secrets/id.key", "1234", ""),
    ("E162", "release/", "events", ""),
    ("E162", "release/", "events/out", ""),
    ("E163", "path: audit/", "path: release/audit", "release/audit"),
    ("E163", "path: quarantine/", "path: events/bad", "events/bad"),
    ("E164", "suite.json", "absent.json", ""),
    ("E165", "path: audit/", 'path: ""', '""'),
    # What may be left in the output. -----------------------------------------
    ("E170", "output: {path", "residual: {max_share: {PERSN: 0.1}}\noutput: {path", "PERSN"),
    ("E106", "output: {path", "residual: {max_share: {PERSON: 2}}\noutput: {path", "2}"),
    ("E106", "output: {path", "residual: {sample: 9}\noutput: {path", "9}"),
    ("E104", "output: {path", "residual: {model: no_model}\noutput: {path", "no_model"),
    ("E189", "output: {path", "residual: {skip: [quary]}\noutput: {path", "quary"),
    ("E189", "output: {path", "residual: {skip: [device.ifa]}\noutput: {path", "device.ifa"),
    # Personal data in text. --------------------------------------------------
    ("E103", "  entities: [EMAIL_ADDRESS]\n", "", "pii:"),
    ("E107", "  entities: [EMAIL_ADDRESS]", "  entities: []", "[]"),
    ("E104", "  entities: [EMAIL_ADDRESS]", "  profile: strickt", "strickt"),
    ("E104", "  entities: [EMAIL_ADDRESS]", "  mode: quick\n  entities: [EMAIL_ADDRESS]", "quick"),
    ("E106", "  entities: [EMAIL_ADDRESS]", "  thresholds: {EMAIL_ADDRESS: 2}\n  entities: [EMAIL_ADDRESS]", "2}"),
    ("E170", "  entities: [EMAIL_ADDRESS]", "  thresholds: {EMAIL: 0.5}\n  entities: [EMAIL_ADDRESS]", "EMAIL: 0.5"),
    ("E173", "  entities: [EMAIL_ADDRESS]", "  allow_list: [' ']\n  entities: [EMAIL_ADDRESS]", "' '"),
    ("E170", "[EMAIL_ADDRESS]", "[EMAIL_ADRESS]", "EMAIL_ADRESS"),
    ("E171", "[EMAIL_ADDRESS]", "[PERSON]", "PERSON"),
    ("E172", "'ORD-\\d{8}'", "'ORD-('", "'ORD"),
    ("E172", "'ORD-\\d{8}'", "'(ORD)?'", "'(ORD"),
    ("E173", "patterns: [{name: order, regex: 'ORD-\\d{8}', score: 0.9}]", "context: [order]", "name: order"),
    ("E174", "ORDER_ID", "order id", ""),
    ("E176", "  entities:", "  language: deutsch\n  entities:", "deutsch\n"),
    ("E101", "  entities: [EMAIL_ADDRESS]", "  operators:\n    PERSON: {type: mask, keep_lst: 2}\n  entities: [EMAIL_ADDRESS]", "keep_lst"),
    ("E104", "  entities: [EMAIL_ADDRESS]", "  operators:\n    PERSON: redakt\n  entities: [EMAIL_ADDRESS]", "redakt"),
    ("E104", "  entities: [EMAIL_ADDRESS]", "  operators:\n    PERSON: {type: placeholder, scope: row}\n  entities: [EMAIL_ADDRESS]", "row"),
    ("E142", "  entities: [EMAIL_ADDRESS]", "  operators:\n    URL: fake\n  entities: [EMAIL_ADDRESS]", "fake"),
    ("E148", "  entities: [EMAIL_ADDRESS]", "  operators:\n    PERSON: {type: redact, keep_last: 2}\n  entities: [EMAIL_ADDRESS]", "keep_last"),
    ("E148", "  entities: [EMAIL_ADDRESS]", "  operators:\n    PERSON: {type: fake, scope: text}\n  entities: [EMAIL_ADDRESS]", "text}"),
    ("E170", "  entities: [EMAIL_ADDRESS]", "  operators:\n    PERSN: redact\n  entities: [EMAIL_ADDRESS]", "PERSN"),
    ("E175", "  entities: [EMAIL_ADDRESS]", "  operators:\n    PERSON: keep\n  entities: [EMAIL_ADDRESS]", "keep"),
    ("E175", "  entities: [EMAIL_ADDRESS]", "  operators:\n    default: {type: keep}\n  entities: [EMAIL_ADDRESS]", "keep"),
    ("E175", "  entities: [EMAIL_ADDRESS]\n  recognizers:\n    - name: order\n      supported_entity: ORDER_ID\n      patterns: [{name: order, regex: 'ORD-\\d{8}', score: 0.9}]\n", "  operators: {DATE_TIME: keep}\n  entities: [DATE_TIME]\n", "[DATE_TIME]"),
    ("E186", "  entities: [EMAIL_ADDRESS]", "  operators:\n    PERSON: {type: mask, mask_char: xx}\n  entities: [EMAIL_ADDRESS]", "xx"),
    ("E188", "  entities: [EMAIL_ADDRESS]", "  operators:\n    PERSON: {type: fake, locale: xx_XX}\n  entities: [EMAIL_ADDRESS]", "xx_XX"),
    ("E188", "  entities: [EMAIL_ADDRESS]", "  operators:\n    PHONE_NUMBER: {type: fake, locale: en_PH}\n  entities: [EMAIL_ADDRESS, PHONE_NUMBER]", "en_PH"),
    ("E101", "supported_entity: ORDER_ID", "supported_entity: ORDER_ID\n      class_name: X", "class_name"),
    ("E106", "supported_entity: ORDER_ID", "supported_entity: ORDER_ID\n      deny_list_score: 2", "2"),
    ("E177", "supported_entity: ORDER_ID", "supported_entity: ORDER_ID\n      supported_entities: [ORDER_ID]", "supported_entities"),
    ("E177", "supported_entity: ORDER_ID", "supported_entities: [ORDER_ID, B]", "B]"),
    ("E103", "      supported_entity: ORDER_ID\n", "", "name: order"),
    ("E177", "supported_entity: ORDER_ID", "supported_entity: ORDER_ID\n      supported_language: en\n      supported_languages: [en]", "supported_languages"),
    ("E177", "supported_entity: ORDER_ID", "supported_entity: ORDER_ID\n      context: [a]\n      supported_languages: [en, de]", "context"),
    ("E177", "supported_entity: ORDER_ID", "supported_entity: ORDER_ID\n      type: predefined", "predefined"),
    ("E176", "supported_entity: ORDER_ID", "supported_entity: ORDER_ID\n      supported_language: klingon", "klingon"),
    ("W171", "supported_entity: ORDER_ID", "supported_entity: ORDER_ID\n      supported_language: de", "de"),
    ("E104", "  entities: [EMAIL_ADDRESS]", "  ner: {kind: spacy, path: ., labels: {a: PERSON}}\n  entities: [EMAIL_ADDRESS]", "spacy"),
    ("E103", "  entities: [EMAIL_ADDRESS]", "  ner: {kind: gliner, labels: {a: PERSON}}\n  entities: [EMAIL_ADDRESS]", "ner"),
    ("E107", "  entities: [EMAIL_ADDRESS]", "  ner: {kind: gliner, path: ., labels: {}}\n  entities: [EMAIL_ADDRESS]", "{}"),
    ("E174", "  entities: [EMAIL_ADDRESS]", "  ner: {kind: gliner, path: ., labels: {a: person}}\n  entities: [EMAIL_ADDRESS]", "person}"),
    ("E178", "  entities: [EMAIL_ADDRESS]", "  ner: {kind: gliner, path: ./absent, labels: {a: PERSON}}\n  entities: [EMAIL_ADDRESS]", "./absent"),
    ("E178", "  entities: [EMAIL_ADDRESS]", "  ner: {kind: gliner, path: s3://b/m, labels: {a: PERSON}}\n  entities: [EMAIL_ADDRESS]", "s3://"),
    # Not yet. ----------------------------------------------------------------
    # Warnings. ---------------------------------------------------------------
    ("W156", "[month, year]", "[week, year]", "year]"),
    ("W192", "k: 5", "k: 5, effort: 10", "effort"),
    ("W192", "k: 5", "k: 5, recoding: global, labels: ranges", "labels"),
    ("W170", "free_text, action: scan", "free_text, action: drop", "pii:"),
    ("W190", "type: boolean,", "type: boolean, sensitive: true,", "sensitive"),
]  # fmt: skip


def _place(text: str, index: int) -> tuple[int, int]:
    before = text[:index]
    return before.count("\n") + 1, index - (before.rfind("\n") + 1) + 1


@pytest.mark.parametrize(("code", "old", "new", "at"), CASES)
def test_check_gives_one_located_finding_when_one_thing_is_wrong(
    check, good, code, old, new, at
):
    start = good.index(old)
    text = good[:start] + new + good[start + len(old) :]
    at_index = start + new.index(at) if at in new else text.index(at)
    policy, findings = check(text)
    assert [found.code for found in findings] == [code], findings
    assert (findings[0].line, findings[0].column) == _place(text, at_index), findings
    assert (policy is None) == code.startswith("E")


def _codes(findings):
    return [found.code for found in findings]


def test_check_gives_e149_when_an_operator_has_no_key(check, good):
    keyless = good.replace("key: env://OPTIN_TEST_KEY", "", 1)
    before = _codes(check(keyless)[1])
    for operator in ("hmac", "fake", "placeholder"):
        added = f"pii:\n  operators: {{PERSON: {operator}}}"
        codes = _codes(check(keyless.replace("pii:", added))[1])
        assert sorted(codes) == sorted([*before, "E149"])
    added = "pii:\n  operators: {PERSON: {type: placeholder, scope: text}}"
    assert _codes(check(keyless.replace("pii:", added))[1]) == before


def test_check_accepts_the_good_policy_without_a_finding(check, good):
    policy, findings = check(good)
    assert findings == ()
    assert policy is not None


def test_check_gives_all_faults_at_once_when_there_are_several(check, good):
    text = good.replace("k: 5", "k: 1").replace("jsonl\n", "json\n", 1)
    text = text.replace("openrtb_2_6", "openrtb").replace("action: redact", "action: x")
    _, findings = check(text)
    assert _codes(findings) == ["E104", "E120", "E141", "E150"]
    assert list(findings) == sorted(findings)


def test_load_raises_every_error_and_no_warning(check, good, folder):
    check(good.replace("k: 5", "k: 1").replace("[month, year]", "[week, year]"))
    with pytest.raises(PolicyError) as caught:
        load_policy(folder / "policy.yaml")
    assert _codes(caught.value.findings) == ["E150"]
    assert str(caught.value).endswith("\n1 error")


@pytest.mark.parametrize(
    ("content", "code", "line", "column"),
    [
        ("", "E004", 1, 1),
        ("# only a comment\n", "E004", 1, 1),
        ("---\n", "E004", 2, 1),
        ("- a\n- b\n", "E004", 1, 1),
        ("text\n", "E004", 1, 1),
        (b"version: 1\nname: caf\xe9\n", "E002", 2, 10),
        ("version: 1\n".encode("utf-16"), "E002", 1, 1),
        ("version: 1\nname: \x07\n", "E003", 2, 7),
        ("a: &a [x]\nb: [*a, *a]\n", "E006", 1, 4),
        ("b: *a\n", "E006", 1, 4),
        ("name: " + "[" * 100_000, "E007", 1, 38),
        ("name: " + "{a: " * 100_000, "E007", 1, 7 + 4 * 31),
        # Values 1 to 3 are the mapping, the key and the list.
        ("a: [" + "0," * 60_000 + "]", "E007", 1, 5 + 2 * (50_000 - 3)),
        ("a: " + "x" * 600_000, "E007", 1, 1),
    ],
)
def test_check_refuses_a_file_when_it_is_no_policy(check, content, code, line, column):
    policy, findings = check(content)
    assert policy is None
    assert _codes(findings) == [code]
    assert (findings[0].line, findings[0].column) == (line, column)


def test_check_refuses_a_path_when_no_file_is_there(folder):
    assert _codes(check_policy(folder / "absent.yaml")[1]) == ["E001"]
    assert _codes(check_policy(folder)[1]) == ["E001"]
    assert _codes(check_policy("a\0b")[1]) == ["E001"]


def test_check_refuses_a_veto_when_the_signal_never_denies(check, good):
    text = good.replace(', deny: ["No"]', "").replace("[coppa,", "[shop, coppa,")
    _, findings = check(text)
    assert _codes(findings) == ["E126"]


def test_check_refuses_an_input_inside_the_output(check, good):
    _, findings = check(good.replace("events/*.jsonl", "release/old/*.jsonl"))
    assert _codes(findings) == ["E162"]


def test_check_follows_links_when_it_compares_places(check, good, folder):
    (folder / "events").mkdir()
    (folder / "release").symlink_to(folder / "events")
    _, findings = check(good)
    assert _codes(findings) == ["E162"]


@pytest.mark.parametrize("action", ["hmac", "date_shift"])
def test_check_asks_for_a_secret_when_an_action_needs_one(check, good, action):
    text = good.replace("key: env://OPTIN_TEST_KEY\n", "")
    text = text.replace(", key: file://secrets/id.key", "")
    _, findings = check(text)
    # One for the hmac column, one for the date_shift column, one for the audit.
    assert _codes(findings) == ["E149", "E149", "E161"]
    assert any(action in found.message for found in findings)


def test_check_lists_several_consent_faults_when_the_profile_is_unknown(check, good):
    # Any of the profile's names may be right, so only the user's own are judged.
    _, findings = check(good.replace("openrtb_2_6", "nobody"))
    assert _codes(findings) == ["E120"]


def test_check_shows_a_finding_as_file_line_column(check, good, folder):
    _, findings = check(good.replace("k: 5", "k: 1"))
    line = good.split("k: 5")[0].count("\n") + 1
    expected = (
        f"{folder / 'policy.yaml'}:{line}:16: E150 k must be 2 or more; k: 1 protects "
        "no one"
    )
    assert [str(found) for found in findings] == [expected]


@pytest.mark.parametrize("purposes", ["[10]", "[9, 10]"])
def test_check_warns_when_purpose_ten_alone_is_to_cover_profiles(check, good, purposes):
    entry = f"{{signal: tcf, vendor: 7, purposes: {purposes}}}"
    text = good.replace("{signal: shop}", entry)
    text = text.replace(
        "{name: device.ifa, type: advertising_id, action: drop}",
        "{name: device.ifa, type: advertising_id, action: hmac}",
    )
    text = text.replace("{k: 5,", "{k: 5, subject: {publish: pseudonym},")
    policy, findings = check(text)
    assert policy is not None
    assert _codes(findings) == (["W180"] if purposes == "[10]" else [])


def test_check_shows_the_faults_of_a_profile_of_ones_own(check, good, tmp_path):
    (tmp_path / "own.yaml").write_text("name: own\nstatus: perhaps\nsources: [me]\n")
    _, findings = check(good.replace("openrtb_2_6", str(tmp_path / "own.yaml")))
    assert "E120" in _codes(findings)
    assert any(f.file.endswith("own.yaml") and f.line == 2 for f in findings)


def test_policy_with_rules_resolves_the_signals_of_every_rule(check, good):
    rules = """\
  jurisdiction: {field: geo.country}
  rules:
    - name: eea
      when: {geo.country: EEA_UK}
      require: [{signal: tcf, purposes: [1, 9], vendor: 744, max_age: 6mo}]
      reject_policy_below: 4
      require_disclosed_vendor: auto
    - name: us
      when: {geo.country: [US, CAN]}
      require: [{signal: shop}]
      veto_gpp: [SaleOptOut]
      veto: [gpc, {signal: usp, when: {gpp_section: [7, 8]}}]
    - {name: rest, require: [{signal: shop}]}
"""
    policy, findings = check(good.replace("  veto:", rules + "  veto:"))
    assert findings == ()
    assert {"tcf", "gpp", "gpc", "usp"} <= set(policy.consent.resolved)
    assert policy.consent.condition_columns() == ("geo.country", "device.os")
