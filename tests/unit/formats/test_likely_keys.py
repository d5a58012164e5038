"""Keys of anybody in an error's words: taken out whatever their shape, and nothing else."""

import random
import string

import pytest

from samplemind_cli.formats.likely_keys import without_likely_keys

LETTERS = string.ascii_letters + string.digits
HEX = "0123456789abcdef"
# Shapes of keys: letters as they are, and in braces how many random ones of which kind.
SHAPES = [
    [(LETTERS, 40)],
    [(LETTERS, 32)],
    [(HEX, 64)],
    [(HEX, 32)],
    [(HEX, 32), ".", (LETTERS, 16)],
    ["pa-", (LETTERS, 43)],
    ["bce-v3/ALTAK-", (LETTERS, 21), "/", (HEX, 40)],
    [(HEX, 8), "-", (HEX, 4), "-", (HEX, 4), "-", (HEX, 4), "-", (HEX, 12)],
    ["dapi", (HEX, 32)],
    ["tvly-dev-", (LETTERS, 32)],
    ["fc-", (HEX, 32)],
    ["lsv2_pt_", (HEX, 32), "_", (HEX, 10)],
    ["pcsk_", (LETTERS, 6), "_", (LETTERS, 60)],
    ["npm_", (LETTERS, 36)],
    ["xoxb-", (string.digits, 12), "-", (LETTERS, 24)],
    ["SG.", (LETTERS, 22), ".", (LETTERS, 43)],
    ["vck_", (LETTERS, 56)],
    ["rpa_", (string.ascii_uppercase + string.digits, 46)],
    ["cpk_", (HEX, 32), ".", (LETTERS, 32)],
    ["ABSK", (LETTERS, 120), "="],
]


def keys():
    """A key of each shape, the same in every run."""
    chosen = random.Random(5)
    for shape in SHAPES:
        yield "".join(p if isinstance(p, str) else "".join(chosen.choices(p[0], k=p[1])) for p in shape)


@pytest.mark.parametrize("key", list(keys()))
@pytest.mark.parametrize(
    "told",
    [
        "Authentication failed for {}",
        "API Key not found: {}",
        "No account for {}",
        "bad credentials ({})",
        "authorization header: {}",
        "https://h/?access_token={}",
        "Your key, {}, is not active",
        "密钥 {} 无效",
        "Clé API invalide : {}",
        "{} is not a valid API key.",
        "key “{}”",
    ],
)
def test_whatever_is_random_in_an_error_about_keys_is_taken_out(key, told):
    found = without_likely_keys(told.format(key))
    assert not any(key[at : at + 12] in found for at in range(len(key) - 11))


@pytest.mark.parametrize(
    "key", ["pcsk_7fGh4k_9dKw2LmQ8xYz5RtB3nV6cJ1p", "vck_a1B2c3D4e5F6g7H8i9J0k1L2", "q7W8e9R1t2Y3u4I5o6P7a8S9d1F2"]
)
def test_a_long_random_word_is_taken_out_of_any_error(key):
    assert without_likely_keys(f"cannot find {key} here") == "cannot find [key] here"


@pytest.mark.parametrize(
    "told",
    [
        "Rate limit reached for gpt-oss-20b in organization org_01abcDEF234ghiJKL567 on tokens per min",
        "API key not valid. Please pass a valid API key. See https://platform.openai.com/account/api-keys.",
        "Your account does not have access to accounts/fireworks/models/llama-v3p1-405b-instruct",
        "Authentication error: include the request ID req_011CSHoEeqs5C35K2UUqR7Fy in your message",
        "Authentication error, request id: 021756283940123abcdef0123456789abcdef",
        "quota metric 'Generate Content API requests' of service 'generativelanguage.googleapis.com' for this account",
        "Access denied: model gemini-2.5-flash-preview-09-2025 is not allowed for this account",
        "ft:gpt-4o-mini-2024-07-18:my-org::9abcDEFg needs a key with access",
        "No auth credentials found for claude-sonnet-4-5-20250929",
        "blob sha256:2af3b81862c6be03c769683af18efdadb2c33f60ff32ab6f83e42c043d6c7816 not found for this token",
        "Invalid parameter: messages.1.tool_call_id call_0Bd1WfX2aYtQ3zV4nK5mLp6r",
        "Basic information is missing in BetaClearThinking20251015",
        "the account may not use projects/123456789/locations/global/workloadIdentityPools/p",
    ],
)
def test_names_addresses_and_ids_of_requests_stay(told):
    assert without_likely_keys(told) == told


def test_the_password_of_basic_authentication_is_taken_out():
    assert without_likely_keys("sent Basic dXNlcjpwYXNz now") == "sent Basic [key] now"


@pytest.mark.parametrize("piece", ["key=a.", "api_key ", "key=abcdefghi.", "token:", "a1/", "basic "])
def test_a_message_made_to_take_for_ever_is_read_in_a_moment(piece):
    assert isinstance(without_likely_keys(piece * (200_000 // len(piece))), str)  # it took a minute
