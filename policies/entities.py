"""Entities that can be searched for without a recogniser of one's own, and languages.

They are listed here, not asked of Presidio, so that checking a policy imports neither
Presidio nor a model; a test holds the list against the installed version.
"""

from __future__ import annotations

__all__ = ["KNOWN_ENTITIES", "LANGUAGES", "MAY_STAY", "MODEL_ENTITIES"]

MODEL_ENTITIES = frozenset({"LOCATION", "NRP", "ORGANIZATION", "PERSON"})
"""Entities that only a language model finds."""

_RULES = """
ABA_ROUTING_NUMBER ACCOUNT_NUMBER AU_ABN AU_ACN AU_MEDICARE AU_TFN CA_POSTAL_CODE CA_SIN
CREDIT_CARD CRYPTO DATE_TIME DEVICE_ID DE_BSNR DE_FUEHRERSCHEIN DE_HANDELSREGISTER
DE_HEALTH_INSURANCE DE_ID_CARD DE_KFZ DE_LANR DE_PASSPORT DE_PLZ DE_SOCIAL_SECURITY
DE_TAX_ID DE_TAX_NUMBER DE_VAT_ID EMAIL_ADDRESS EMPLOYEE_ID ES_NIE ES_NIF ES_PASSPORT
FI_PERSONAL_IDENTITY_CODE GEO_COORDINATES IBAN_CODE IDENTITY_DOCUMENT ID_NUMBER
IN_AADHAAR IN_GSTIN IN_PAN IN_PASSPORT IN_VEHICLE_REGISTRATION IN_VOTER IP_ADDRESS
IT_DRIVER_LICENSE IT_FISCAL_CODE IT_IDENTITY_CARD IT_PASSPORT IT_VAT_CODE KR_BRN
KR_DRIVER_LICENSE KR_FRN KR_PASSPORT KR_RRN MAC_ADDRESS MEDICAL_LICENSE MEDICAL_RECORD
NG_NIN NG_VEHICLE_REGISTRATION PASSWORD PHONE_NUMBER PH_PASSPORT PH_TIN PH_UMID PL_PESEL
SECRET SE_ORGANISATIONSNUMMER SE_PERSONNUMMER SG_NRIC_FIN SG_UEN STREET_ADDRESS TH_TNIN
TR_LICENSE_PLATE TR_NATIONAL_ID UK_DRIVING_LICENCE UK_NHS UK_NINO UK_PASSPORT
UK_POSTCODE UK_VEHICLE_REGISTRATION URL USERNAME US_BANK_NUMBER US_CLAIM_NUMBER
US_DRIVER_LICENSE US_HEALTH_INSURANCE_MEMBER_ID US_ITIN US_MBI US_NPI US_PASSPORT
US_PRESCRIPTION_NUMBER US_PRIOR_AUTHORIZATION_NUMBER US_PROVIDER_TAX_ID
US_REFERRAL_NUMBER US_SSN UUID ZA_COMPANY_REGISTRATION ZA_DRIVER_LICENSE ZA_ID_NUMBER
ZA_INCOME_TAX_NUMBER ZA_LICENSE_PLATE ZA_MOBILE_NUMBER ZA_PASSPORT ZA_TELEPHONE_NUMBER
ZA_TRAFFIC_REGISTER_NUMBER ZA_VAT_NUMBER
"""

KNOWN_ENTITIES = MODEL_ENTITIES | frozenset(_RULES.split())
"""All of them: Presidio's recognisers and this package's own."""

MAY_STAY = frozenset({"DATE_TIME", "LOCATION", "NRP", "ORGANIZATION"})
"""Entities that name no person by themselves, so that a policy may keep them."""

LANGUAGES = frozenset(
    [
        "af",
        "am",
        "ar",
        "az",
        "bg",
        "bn",
        "bo",
        "ca",
        "cs",
        "da",
        "de",
        "dsb",
        "el",
        "en",
        "es",
        "et",
        "eu",
        "fa",
        "fi",
        "fo",
        "fr",
        "ga",
        "gd",
        "grc",
        "gu",
        "he",
        "hi",
        "hr",
        "hsb",
        "ht",
        "hu",
        "hy",
        "id",
        "is",
        "it",
        "ja",
        "kmr",
        "kn",
        "ko",
        "ky",
        "la",
        "lb",
        "lg",
        "lij",
        "lt",
        "lv",
        "mk",
        "ml",
        "mr",
        "ms",
        "nb",
        "ne",
        "nl",
        "nn",
        "pl",
        "pt",
        "ro",
        "ru",
        "sa",
        "si",
        "sk",
        "sl",
        "sq",
        "sr",
        "sv",
        "ta",
        "te",
        "th",
        "ti",
        "tl",
        "tn",
        "tr",
        "tt",
        "uk",
        "ur",
        "vi",
        "xx",
        "yo",
        "zh",
    ]
)
"""Languages whose words spaCy tells apart; `xx` stands for several."""
