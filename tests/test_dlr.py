"""Tokens and addresses for delivery reports: made by us, believed from us only."""

from __future__ import annotations

import base64
import hashlib
import hmac
import stat
import subprocess
import sys
from typing import TYPE_CHECKING
from urllib.parse import quote_plus, unquote_plus, urlsplit

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from isms_data import dlr
from isms_data.dlr_key import KEY_BYTES, secret
from isms_data.errors import ConfigurationError
from isms_data.journal.file import KEY_NAME

if TYPE_CHECKING:
    from pathlib import Path

SECRETS = st.binary(min_size=KEY_BYTES, max_size=KEY_BYTES)
REFERENCES = st.from_regex(r"[A-Za-z0-9_-]{12}", fullmatch=True)
FORMS = st.from_regex(r"[A-Za-z0-9_-]{12}\.[A-Za-z0-9_-]{22}", fullmatch=True)


def test_references_are_never_equal() -> None:
    """Each call gets a name of its own."""
    assert len({dlr.new_reference() for _ in range(10_000)}) == 10_000


@given(SECRETS, REFERENCES)
def test_token_names_its_reference(key: bytes, reference: str) -> None:
    """A token leads back to what it was made for."""
    assert dlr.reference_of(key, dlr.token(key, reference)) == reference


@given(SECRETS, REFERENCES)
def test_token_is_an_hmac(key: bytes, reference: str) -> None:
    """The signature is what HMAC-SHA256 of the purpose and the reference begins with."""
    digest = hmac.new(key, b"isms_data dlr-url 1\x00" + reference.encode(), hashlib.sha256).digest()
    signature = base64.urlsafe_b64encode(digest[:16]).decode().rstrip("=")

    assert dlr.token(key, reference) == f"{reference}.{signature}"


@given(SECRETS, REFERENCES, st.integers(0, 34), st.characters())
def test_token_with_one_other_character(key: bytes, reference: str, place: int, other: str) -> None:
    """Whichever character is changed, and to what, the token is refused."""
    token = dlr.token(key, reference)
    assume(token[place] != other)

    assert dlr.reference_of(key, token[:place] + other + token[place + 1 :]) is None


@pytest.mark.parametrize("change", [lambda t: t[:-1], lambda t: t + "A", lambda t: t + "\n", lambda t: "A" + t])
def test_token_of_another_length(change) -> None:
    """A token that is cut or has something added is refused."""
    token = dlr.token(bytes(32), dlr.new_reference())

    assert dlr.reference_of(bytes(32), change(token)) is None


@given(SECRETS, SECRETS, REFERENCES)
def test_token_of_another_secret(key: bytes, other: bytes, reference: str) -> None:
    """A token that was signed with any other secret is refused."""
    assume(key != other)

    assert dlr.reference_of(other, dlr.token(key, reference)) is None


@given(SECRETS, st.text() | FORMS)
def test_token_of_anything(key: bytes, text: str) -> None:
    """Any other text is refused, and none raises."""
    assert dlr.reference_of(key, text) is None


@pytest.mark.parametrize("reference", ["", "short", "spring-2026 Γ", "A" * 13])
def test_reference_that_is_none(reference: str) -> None:
    """What no receiver would take is not signed."""
    with pytest.raises(ValueError, match="new_reference"):
        dlr.token(bytes(32), reference)


@pytest.mark.parametrize(
    "base",
    [
        "https://example.gr",
        "https://example.gr/",
        "http://example.gr:8080/sms/dlr",
        "https://xn--jxalpdlp.gr/a-b/~c//",
        "http://[::1]:65535/dlr",
        "http://127.0.0.1:8080",
        "https://a_b.example.gr/x,y;z=1@home",
    ],
)
def test_url_ends_in_the_token(base: str) -> None:
    """The address keeps scheme, host, port and path of the base, and survives being a value in another address."""
    token = dlr.token(bytes(32), "cHJvbWlzZWQh")
    url = dlr.url(base, token)

    before, after = urlsplit(base), urlsplit(unquote_plus(quote_plus(url, safe=",")))
    assert (after.scheme, after.netloc, after.query, after.fragment) == (before.scheme, before.netloc, "", "")
    assert after.path == before.path.rstrip("/") + "/" + token


@pytest.mark.parametrize(
    "base",
    [
        "",
        "example.gr/dlr",
        "ftp://example.gr/",
        "https://",
        "https:///dlr",
        "https://example.gr/dlr?x=1",
        "https://example.gr/dlr#x",
        "https://user:geheim@example.gr/dlr",
        "https://example.gr:0/",
        "https://example.gr:65536/",
        "https://example.gr/a b",
        "https://example.gr/δλρ",
        "https://κατάστημα.gr/",
        "https://example.gr/dlr\n",
        "https://example.gr/%20",
        " https://example.gr/",
    ],
)
def test_url_of_a_base_that_is_none(base: str) -> None:
    """A base that cannot be called as it stands is refused with an example of one that can, and no password shown."""
    with pytest.raises(ConfigurationError, match=r"https://example\.gr/sms/dlr") as refused:
        dlr.url(base, "token")

    assert "geheim" not in str(refused.value)


def test_secret_is_made_once_and_private(tmp_path: Path) -> None:
    """The first use makes it, for its owner only; each later one reads it."""
    folder = tmp_path / "home"
    first = secret(folder)

    assert secret(folder, create=False) == first
    assert len(first) == KEY_BYTES
    assert [stat.S_IMODE(path.stat().st_mode) for path in (folder, folder / KEY_NAME)] == [0o700, 0o600]
    assert [path.name for path in folder.iterdir()] == [KEY_NAME]


def test_secret_made_by_many_processes_at_once(tmp_path: Path) -> None:
    """Processes that start together all get the same secret."""
    program = f"from pathlib import Path\nfrom isms_data.dlr_key import secret\nprint(secret(Path({str(tmp_path)!r})))"
    processes = [
        subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)  # noqa: S603 - ours
        for _ in range(4)
    ]
    told = {process.communicate(timeout=60)[0].strip() for process in processes}

    assert told == {str(secret(tmp_path, create=False))}


@pytest.mark.parametrize("content", [b"", b"x" * 31, b"x" * 33, b"-----BEGIN PRIVATE KEY-----\n" * 50])
def test_secret_that_is_none(tmp_path: Path, content: bytes) -> None:
    """A file that is cut off, or another one, is an error that names it, and stays as it is."""
    (tmp_path / KEY_NAME).write_bytes(content)
    with pytest.raises(ConfigurationError, match=KEY_NAME):
        secret(tmp_path)

    assert (tmp_path / KEY_NAME).read_bytes() == content


def test_secret_that_is_not_there(tmp_path: Path) -> None:
    """Where none may be made, its absence is an error that says where it was looked for."""
    with pytest.raises(ConfigurationError, match="ISMS_HOME"):
        secret(tmp_path / "nowhere", create=False)

    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("taken", [KEY_NAME, ""])
def test_secret_where_something_is_in_the_way(tmp_path: Path, taken: str) -> None:
    """A folder in the place of the file, or a file in that of the folder, is a clear error."""
    folder = tmp_path / "home"
    if taken:
        (folder / taken).mkdir(parents=True)
    else:
        folder.write_text("")
    with pytest.raises(ConfigurationError, match="cannot be used"):
        secret(folder)
