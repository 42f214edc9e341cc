"""Who answers how: numbers have one fate, in documented shares, with identities that hold together."""

from collections import Counter
from statistics import median

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isms_data.simulator.chance import TAIL_LIMIT, Lot, choose, latency_in_medians
from isms_data.simulator.networks import networks, range_of
from isms_data.simulator.subscribers import SHARES, Kind, subscriber

PREFIXES = ("3069700", "3069800", "3069400", "3069550", "3069300", "3069910")
GREEK_MOBILES = [f"{prefix}{number:05d}" for number in range(1000) for prefix in PREFIXES]
SUBSCRIBERS = [subscriber(7, msisdn) for msisdn in GREEK_MOBILES]
FIELDS = {one.msisdn: one.reply.split(";") for one in SUBSCRIBERS}
REGIONS = {
    "Greece": "GR", "Cyprus": "CY", "Germany": "DE", "United Kingdom": "GB", "United States": "US", "Italy": "IT",
    "France": "FR", "Spain": "ES", "Netherlands": "NL", "Bulgaria": "BG", "Romania": "RO", "Albania": "AL",
    "Turkey": "TR", "Switzerland": "CH", "Sweden": "SE", "Australia": "AU",
}  # fmt: skip


@given(st.integers(), st.text())
def test_subscriber_asked_again_is_the_same(seed, number):
    """The same seed and number have the same fate, whatever the number looks like."""
    assert subscriber(seed, number) == subscriber(seed, number)


def test_subscriber_with_another_seed_is_another():
    """A seed decides fates, it does not shift them all alike."""
    other = [subscriber(8, one.msisdn).kind for one in SUBSCRIBERS]

    same = sum(one.kind is kind for one, kind in zip(SUBSCRIBERS, other, strict=True)) / len(other)

    assert 0.5 < same < 0.65


def test_greek_mobiles_have_the_documented_shares():
    """A list of Greek mobiles comes out as docs/sandbox.md says, about 78 % of it Delivered."""
    kinds = Counter(one.kind for one in SUBSCRIBERS)
    statuses = Counter(fields[0] for fields in FIELDS.values())

    assert sum(SHARES.values()) == pytest.approx(1)
    for kind, share in SHARES.items():
        assert kinds[kind] / len(SUBSCRIBERS) == pytest.approx(share, abs=0.012)
    assert statuses["Delivered"] / len(SUBSCRIBERS) == pytest.approx(0.78, abs=0.015)


def test_greek_mobiles_are_ported_as_documented():
    """About one number in six is served by another network than the holder of its range."""
    assert sum(one.ported for one in SUBSCRIBERS) / len(SUBSCRIBERS) == pytest.approx(0.17, abs=0.015)
    for one in SUBSCRIBERS:
        assert one.ported is (one.network is not range_of(one.msisdn).holder)


def test_reply_always_has_six_fields():
    """Every final answer has the five semicolons of the documentation, empty fields included."""
    assert {len(fields) for fields in FIELDS.values()} == {6}
    assert {fields[5] for fields in FIELDS.values()} == {"0", "", "1", "11", "13", "27", "34"}


def test_imsi_names_the_network_of_the_subscriber():
    """An IMSI has 15 digits and begins with a code of the network that serves the number today."""
    for one in SUBSCRIBERS:
        imsi = FIELDS[one.msisdn][3]
        if imsi:
            assert len(imsi) == 15
            assert imsi[:5] in one.network.codes


def test_serving_msc_says_where_the_phone_is():
    """The serving MSC of a roaming phone is a valid number abroad, of a reachable one a valid number at home."""
    for one in SUBSCRIBERS:
        msc = FIELDS[one.msisdn][4]
        if one.kind in {Kind.REACHABLE, Kind.ROAMING}:
            title = phonenumbers.parse(f"+{msc}")

            assert phonenumbers.is_valid_number(title)
            assert (phonenumbers.region_code_for_number(title) == "GR") is (one.kind is Kind.REACHABLE)


@pytest.mark.parametrize(
    ("kind", "answers"),
    [
        (Kind.ABSENT, {("Undelivered", "27")}),
        (Kind.BARRED, {("Undelivered", "13")}),
        (Kind.NO_SMS_SERVICE, {("Undelivered", "11")}),
        (Kind.DEAD, {("Failed", "1")}),
        (Kind.SYSTEM_FAILURE, {("Failed", "34")}),
        (Kind.NO_VERDICT, {("Unknown", "")}),
        (Kind.ROAMING, {("Delivered", "0"), ("Delivered", "")}),
    ],
)
def test_kind_answers_as_documented(kind, answers):
    """Each kind has its status and error code, and no other."""
    seen = {(FIELDS[one.msisdn][0], FIELDS[one.msisdn][5]) for one in SUBSCRIBERS if one.kind is kind}

    assert seen == answers


def test_operator_is_written_in_the_spellings_of_its_network():
    """The operator text comes in several spellings, former brands among them."""
    seen = {FIELDS[one.msisdn][2] for one in SUBSCRIBERS if one.network.name == "Nova"}

    assert seen == {*networks()["Nova"].spellings, ""}


def test_portability_only_network_answers_delivered_always():
    """One small operator says Delivered of every number, the dead ones too."""
    numbers = [subscriber(7, f"30690555{number:04d}") for number in range(300)]
    hosted = [one for one in numbers if one.network.portability_only]

    assert len(hosted) > 200
    assert Kind.DEAD in {one.kind for one in hosted}
    assert {one.reply for one in hosted} == {"Delivered;Greece;AMD Telecom;202070000000000;;0"}


@pytest.mark.parametrize(
    ("number", "country", "mobile", "holder"),
    [
        ("306971234567", "Greece", True, "Cosmote"),
        ("306949876543", "Greece", True, "Vodafone"),
        ("306931234567", "Greece", True, "Nova"),
        ("306861234567", "Greece", True, None),
        ("306921234567", "Greece", False, None),
        ("302101234567", "Greece", False, None),
        ("35799123456", "Cyprus", True, "Cyta"),
        ("35796123456", "Cyprus", True, "Epic"),
        ("35722123456", "Cyprus", False, None),
        ("4915112345678", "Germany", True, "Telekom.de"),
        ("13125550123", "United States", True, "AT&T"),
    ],
)
def test_range_of_a_number_is_the_longest_prefix(number, country, mobile, holder):
    """The longest prefix says country, mobile or not, and first holder."""
    place = range_of(number)

    assert (place.country, place.mobile) == (country, mobile)
    assert (place.holder.name if place.holder else None) == holder


@pytest.mark.parametrize("number", ["", "6971234567", "+306971234567", "00306971234567", "30697123456", " 306971234567",
                                    "35712548796", "٣٠٦٩٧١٢٣٤٥٦٧", "99912345678"])  # fmt: skip
def test_number_in_another_form_is_nonsense(number):
    """A number not written as the page says is nobody's, and its lookup fails or has no verdict."""
    one = subscriber(7, number)

    assert (one.kind, one.network, one.message_status) == (Kind.NONSENSE, None, "Failed")
    assert one.reply in {"Failed;;;;;1", "Unknown;;;;;"}


def test_fixed_line_is_of_its_country_and_takes_nothing():
    """A fixed line fails or has no verdict, with its country only."""
    replies = {subscriber(7, f"3021012345{number:02d}").reply for number in range(20)}

    assert replies == {"Failed;Greece;;;;1", "Unknown;Greece;;;;"}


@pytest.mark.parametrize("network", networks().values(), ids=lambda network: network.name)
def test_network_has_global_titles_that_are_valid_in_its_country(network):
    """Every global title that a network can have is a valid number of its country, by libphonenumber's judgement."""
    free = network.gt_digits - len(network.gt_prefix)
    titles = [f"{network.gt_prefix}{Lot(7, str(number)).digits('gt', free)}" for number in range(50 if free else 0)]

    for title in map(phonenumbers.parse, [f"+{title}" for title in titles]):
        assert phonenumbers.is_valid_number(title)
        assert phonenumbers.region_code_for_number(title) == REGIONS[network.country]


def test_number_in_a_country_with_one_network_is_not_ported():
    """Where there is no other network, a number stays with the holder of its range."""
    assert {subscriber(7, f"316300000{number:02d}").ported for number in range(60)} == {False}


def test_latency_has_the_median_that_was_asked_for_and_a_slow_tail():
    """Half of the answers come within the median; one in a hundred takes more than ten times as long, none over 60."""
    lookups = [one.lookup_latency for one in SUBSCRIBERS]

    assert median(lookups) == pytest.approx(1, abs=0.06)
    assert 0.005 < sum(latency > 10 for latency in lookups) / len(lookups) < 0.025
    assert max(lookups) <= TAIL_LIMIT


@given(st.floats(0, 1, exclude_max=True), st.floats(0, 1, exclude_max=True))
def test_latency_grows_with_its_quantile(one, other):
    """The law is a quantile function: positive, rising, bounded."""
    low, high = latency_in_medians(min(one, other)), latency_in_medians(max(one, other))

    assert 0 < low <= high <= TAIL_LIMIT


@given(st.dictionaries(st.text(), st.floats(0.01, 10), min_size=1), st.floats(0, 1, exclude_max=True))
def test_choose_finds_an_item_for_every_share(weights, share):
    """There is no gap between the items, up to the very last share."""
    assert choose(weights, share) in weights
