"""An account is set once, checked at once, and never shows its password."""

from __future__ import annotations

import pickle
from decimal import Decimal
from pathlib import Path

import pytest

import isms_data as isms
from isms_data.account import Account
from isms_data.errors import ConfigurationError


def test_account_repr_without_password() -> None:
    """Neither repr nor str shows the password, of the account or inside the SMPP address."""
    account = Account("shop", "s3cret-word", smpp="smpp://shop:other-pw@127.0.0.1:2775")
    shown = repr(account) + str(account) + f"{account}"

    assert "s3cret-word" not in shown
    assert "other-pw" not in shown


@pytest.mark.parametrize(
    ("smpp", "match"),
    [
        ("smpp://shop:nine-long@127.0.0.1", "password has 9 characters"),
        ("smpp://shop:pa-55wrd@gateway.example", "ISMS_ALLOW_PLAINTEXT"),
        ("http://shop:pa-55wrd@127.0.0.1", "ISMS_SMPP"),
    ],
)
def test_account_checks_its_smpp_address(smpp: str, match: str) -> None:
    """An SMPP address that cannot be used is an error when the account is made, and shows no password."""
    with pytest.raises(ConfigurationError, match=match) as error:
        Account("shop", "secret", smpp=smpp)

    assert "nine-long" not in str(error.value)
    assert "pa-55wrd" not in str(error.value)


def test_account_missing_says_how_to_set_it() -> None:
    """With nothing configured, the error names the settings and the sandbox."""
    with pytest.raises(ConfigurationError, match=r"ISMS_USERNAME and ISMS_PASSWORD.*isms\.sandbox\(\)"):
        isms.Account.from_env()


def test_account_from_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each variable becomes its field; the password is taken as it stands."""
    for name, value in {
        "USERNAME": "shop",
        "PASSWORD": "pa$$ 'word'",
        "BASE_URL": "https://sms.example/api/http",
        "MAX_PER_CALL": "50",
        "QUIET_HOURS": "21:00-09:00",
    }.items():
        monkeypatch.setenv(f"ISMS_{name}", value)
    account = Account.from_env()

    assert (account.username, account.password, account.max_per_call) == ("shop", "pa$$ 'word'", 50)
    assert account.base_url == "https://sms.example/api/http/"
    assert account.quiet_hours == "21:00-09:00"


def test_account_from_dotenv_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A .env file in the working folder is read, its `$` left alone; the environment wins over it."""
    (tmp_path / ".env").write_text("ISMS_USERNAME=file\nISMS_PASSWORD='a${HOME}b'\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ISMS_USERNAME", "environment")
    account = Account.from_env()

    assert (account.username, account.password) == ("environment", "a${HOME}b")


@pytest.mark.parametrize("url", ["http://cp.isms.gr/api/http/", "http://10.0.0.1/api/http/"])
def test_account_plaintext_refused_unless_allowed(url: str) -> None:
    """Plain http to another machine needs two settings, and the error names both and says why."""
    with pytest.raises(ConfigurationError, match=r"ISMS_BASE_URL.*password.*ISMS_ALLOW_PLAINTEXT"):
        Account("shop", "secret", base_url=url)

    assert Account("shop", "secret", base_url=url, allow_plaintext=True).base_url == url


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.8.8", "[::1]"])
def test_account_plaintext_to_loopback(host: str) -> None:
    """Plain http to this very machine needs no permission."""
    assert Account("shop", "secret", base_url=f"http://{host}:8025/api/http/").base_url.startswith("http:")


@pytest.mark.parametrize(
    "url",
    [
        "ftp://sms.example/",
        "sms.example",
        "https://",
        "https://user:s3cret@sms.example/",
        "https://sms.example/?password=s3cret",
        "https://[sms",
        "https://sms.example:port/",
    ],
)
def test_account_base_url_that_is_none(url: str) -> None:
    """An address that cannot be used, or that carries credentials, is refused without quoting them."""
    with pytest.raises(ConfigurationError, match="ISMS_BASE_URL") as caught:
        Account("shop", "secret", base_url=url)

    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("credits_per_lookup", "free"),
        ("credits_per_segment", -1),
        ("max_per_call", 0),
        ("timeout_s", -3),
        ("timezone", "Europe/Nowhere"),
    ],
)
def test_account_setting_that_cannot_be_used(setting: str, value: object) -> None:
    """A setting that makes no sense is refused at once, by its name."""
    with pytest.raises(ConfigurationError, match=setting):
        Account("shop", "secret", **{setting: value})  # type: ignore[arg-type]


def test_account_whole_number_from_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that should be a whole number and is not is named."""
    monkeypatch.setenv("ISMS_MAX_PER_CALL", "many")
    with pytest.raises(ConfigurationError, match="ISMS_MAX_PER_CALL"):
        Account.from_env(username="shop", password="secret")


def test_account_prices_are_decimals() -> None:
    """A price may be written as a number or text and is counted exactly."""
    assert Account("shop", "secret", credits_per_lookup=0.1).credits_per_lookup == Decimal("0.1")


@pytest.mark.parametrize(
    ("url", "label"),
    [
        ("https://cp.isms.gr/api/http/", "shop@cp.isms.gr"),
        ("https://cp.isms.gr:8443/other/", "shop@cp.isms.gr"),
        ("http://127.0.0.1:8025/api/http/", "shop@127.0.0.1:8025"),
    ],
)
def test_account_label_tells_gateways_apart(url: str, label: str) -> None:
    """The journal's name for an account stays the same over https, ports and paths, and tells local gateways apart."""
    assert Account("shop", "secret", base_url=url).label == label


def test_account_home_and_progress(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The journal's folder and the progress bar come from the account, else the environment, else the defaults."""
    monkeypatch.setenv("ISMS_HOME", str(tmp_path))
    monkeypatch.setenv("ISMS_PROGRESS", "0")
    plain = Account("shop", "secret")

    assert (plain.journal_place, plain.shows_progress) == (tmp_path, False)
    assert Account("shop", "secret", home="here", progress=True).journal_place == Path("here")
    monkeypatch.delenv("ISMS_HOME")
    monkeypatch.delenv("ISMS_PROGRESS")
    assert (plain.journal_place, plain.shows_progress) == (Path(".isms"), True)


def test_account_survives_pickling() -> None:
    """An account can be handed to another process as it is."""
    account = Account("shop", "secret", max_per_call=7)

    assert pickle.loads(pickle.dumps(account)) == account  # noqa: S301 - our own bytes
