"""The SMPP address is read in all its parts, and what is wrong with it is said without its password."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isms_data.errors import ConfigurationError
from isms_data.transports.smpp_settings import SmppSettings

SECRET = "s3cr3t!x"
TEXT = st.characters(min_codepoint=0x20, max_codepoint=0x7E)


def refusal(url: str, **settings: Any) -> str:
    """What is said of an address that cannot be used."""
    with pytest.raises(ConfigurationError) as caught:
        SmppSettings.of(url, **settings)
    return str(caught.value)


def test_address_with_everything() -> None:
    """Each parameter sets its field."""
    url = (
        "smpps://shop:secret@smsc.example:2776?mode=transmitter&binds=3&window=50&rate=100&alphabet=latin-1"
        "&concatenation=sar&system_type=SMPP&validity=2d&enquire=10s&timeout=1min"
    )
    settings = SmppSettings.of(url)

    assert settings == SmppSettings(
        host="smsc.example",
        user="shop",
        password="secret",
        port=2776,
        tls=True,
        mode="transmitter",
        binds=3,
        window=50,
        rate=100,
        alphabet="latin-1",
        concatenation="sar",
        system_type="SMPP",
        validity=timedelta(days=2),
        enquire_s=10.0,
        timeout_s=60.0,
    )
    assert settings.address == "smsc.example:2776"
    assert settings.validity_period == "000002000000000R"


def test_address_with_nothing_but_credentials() -> None:
    """What is not said has its default: the documented 700 a second, one transceiver, the ports of custom."""
    plain, tls = (SmppSettings.of(f"{scheme}://u:p@localhost/") for scheme in ("smpp", "smpps"))

    assert (plain.port, plain.tls, tls.port, tls.tls) == (2775, False, 3550, True)
    assert (plain.rate, plain.mode, plain.binds, plain.validity_period) == (700, "transceiver", 1, "")


def test_empty_parameters_are_those_of_the_default() -> None:
    """An empty validity is none, and an empty system_type the usual one."""
    settings = SmppSettings.of("smpp://u:p@127.0.0.1?system_type=&validity=&")

    assert settings == SmppSettings.of("smpp://u:p@127.0.0.1")


@given(user=st.text(TEXT, min_size=1, max_size=15), password=st.text(TEXT, min_size=1, max_size=8))
def test_credentials_are_percent_decoded(user: str, password: str) -> None:
    """Any printable user and password come through, once they are percent-encoded."""
    settings = SmppSettings.of(f"smpp://{quote(user, safe='')}:{quote(password, safe='')}@[::1]:2775")

    assert (settings.user, settings.password, settings.host) == (user, password, "::1")


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("window=0", "window=0 is not from 1 to 10,000"),
        ("binds=33", "binds=33 is not from 1 to 32"),
        ("rate=fast", "rate='fast' is not a whole number"),
        ("rate=1000001", "rate=1000001 is not from 1 to 1,000,000"),
        ("alphabet=ucs2", "alphabet='ucs2' is none of 'gsm', 'latin-1'"),
        ("concatenation=", "concatenation='' is none of 'udh', 'sar', 'payload'"),
        ("mode=both", "mode='both' is none of 'transceiver', 'transmitter', 'receiver'"),
        ("validity=soon", "validity='soon' is not a length of time"),
        ("validity=5w", "validity='35 days, 0:00:00' is not a time of up to 31 days"),
        ("validity=0s", "validity='0:00:00' is not a time"),
        ("enquire=0s", "enquire=0.0 is too short"),
        ("timeout=1ms", "timeout=0.001 is too short"),
        ("windows=5", "windows='5' is no parameter. There are mode, binds, window, rate"),
        ("window", "window='' is not a whole number"),
        ("window=5&window=6", "window='6' is given twice"),
        ("system_type=ABCDEFGHIJKLM", "system_type has 13 characters, and SMPP 3.4 has room for 12"),
        ("system_type=%CE%91", "system_type has a character that is not printable ASCII"),
        ("system_type=5%", "system_type has a % that is not followed by two hexadecimal digits"),
        ("system_type=%FF", "system_type is not UTF-8"),
    ],
)
def test_bad_parameter_is_named(query: str, says: str) -> None:
    """A value that cannot be used is an error with the setting, the parameter and what would do."""
    message = refusal(f"smpp://shop:{quote(SECRET)}@127.0.0.1?{query}")

    assert message.startswith("ISMS_SMPP: ")
    assert says in message
    assert SECRET not in message


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:2775",
        f"http://shop:{SECRET}@127.0.0.1",
        f"smpp://shop:{SECRET}@",
        f"smpp://shop:{SECRET}@127.0.0.1:port",
        f"smpp://shop:{SECRET}@127.0.0.1:123456",
        f"smpp://shop:{SECRET}@[::1",
        f"smpp://shop:{SECRET}@127.0.0.1#top",
        f"smpp://shop:{SECRET}@127.0.0.1:0",
        f"smpp://shop:p@{SECRET}@127.0.0.1",
        f"smpp://shop:p/{SECRET}@127.0.0.1",
        f"smpp://shop:1?{SECRET}@127.0.0.1",
        f"smpp://shop:p@h?{SECRET}@127.0.0.1",
        f"smpp://shop:%zz{SECRET}@127.0.0.1",
        f"smpp://:{SECRET}@127.0.0.1",
        f"smpp://{SECRET}@127.0.0.1",
        "smpp://shop:@127.0.0.1",
        "smpp://127.0.0.1",
        f"smpp://shop:{SECRET}9@127.0.0.1",
        f"smpp://shop:{SECRET[:4]}%CE%91@127.0.0.1",
        f"smpp://ashopwithalongname:{SECRET}@127.0.0.1",
        f"smpp://shop:{SECRET}%0A@127.0.0.1",
    ],
)
def test_address_that_cannot_be_read(url: str) -> None:
    """Whatever is wrong in front, the error names the setting and shows nothing of a password."""
    message = refusal(url)

    assert message.startswith("ISMS_SMPP")
    assert SECRET[:4] not in message


@pytest.mark.parametrize("host", ["smsc.example", "192.0.2.1", "[2001:db8::1]"])
def test_plain_smpp_to_another_machine_is_refused(host: str) -> None:
    """Only who allows it explicitly sends a password readable; the error says both ways out."""
    url = f"smpp://shop:{quote(SECRET)}@{host}"

    assert "ISMS_ALLOW_PLAINTEXT=1" in refusal(url)
    assert "smpps://" in refusal(url)
    assert SmppSettings.of(url, plaintext=True).host == host.strip("[]")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "[::1]", "localhost"])
def test_plain_smpp_to_this_machine_needs_no_leave(host: str) -> None:
    """A sandbox on loopback is used as it is."""
    assert not SmppSettings.of(f"smpp://shop:secret@{host}").tls


def test_settings_show_no_password() -> None:
    """Neither repr nor str has it."""
    settings = SmppSettings.of(f"smpp://shop:{quote(SECRET)}@127.0.0.1")

    assert SECRET not in repr(settings) + str(settings)
    assert settings.password == SECRET


def test_settings_load_nothing_that_connects() -> None:
    """An account can look at its SMPP address without loading the machinery of a connection."""
    program = "import sys; import isms_data.transports.smpp_settings; print({'asyncio', 'ssl'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: S603

    assert "ssl" not in done.stdout
