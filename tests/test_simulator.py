"""The gateway without sockets: seven pages, their sentences in their order, and a balance that always adds up."""

import ast
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from isms_data import simulator
from isms_data.simulator import Simulator
from isms_data.simulator.segments import parts
from isms_data.vocabulary import Coding

WHO = {"username": "demo", "password": "sandbox-password"}
COSMOTE, NOVA, FIXED = "306970000004", "306930000001", "302101234567"
SEND = {"from": "MyShop", "to": COSMOTE}
CONTACT = {"surname": "Papas", "name": "Nikos", "mobile": COSMOTE, "comments": ""}


class Clock:
    """A clock that a test moves by hand."""

    now = 1_800_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    """A clock that stands still."""
    return Clock()


@pytest.fixture
def gateway(clock):
    """A sandbox with a hundred credits."""
    return Simulator(seed=7, credits=100, median_latency_s=10, clock=clock)


@pytest.mark.parametrize(
    ("page", "params", "reply"),
    [
        ("credits.php", {}, "Credits:100.00"),
        ("send.php", {"to": ""}, "Error: No recipients."),
        ("send.php", {"to": ",,", "from": "MyShop"}, "Error: No recipients."),
        ("send.php", {"to": COSMOTE}, "Error: Invalid sender identity."),
        ("send.php", SEND | {"from": "TwelveLetter"}, "Error: Invalid sender identity."),
        ("send.php", SEND | {"from": "Κατάστημα"}, "Error: Invalid sender identity."),
        ("send.php", SEND | {"from": "   "}, "Error: Invalid sender identity."),
        ("send.php", SEND | {"from": "+306970000"}, "Error: Invalid sender identity."),
        ("send.php", SEND | {"from": "1" * 17}, "Error: Invalid sender identity."),
        ("send.php", SEND | {"to": ",".join([COSMOTE] * 101)}, "Error: Insufficient credits."),
        ("send.php", SEND | {"schedule": "some day"}, "Error: Invalid scheduling date."),
        ("query.php", {"mobile": COSMOTE}, "Error: No message ID defined."),
        ("query.php", {"mid": "X"}, "Error: No mobile defined."),
        ("query.php", {"mid": "X", "mobile": COSMOTE}, "Error: No such message or recipient."),
        ("hlr.php", {}, "Error: No recipients."),
        ("hlr.php", {"mobiles": ",".join([COSMOTE] * 101)}, "Error: Insufficient credits."),
        ("hlrquery.php", {"mobile": COSMOTE}, "Error: No message ID defined."),
        ("hlrquery.php", {"mid": "X", "mobile": ""}, "Error: No mobile defined."),
        ("hlrquery.php", {"mid": "X", "mobile": COSMOTE}, "Error: No such message ID or mobile."),
        ("savecontact.php", CONTACT | {"mobile": ""}, "Error: Mobile number is empty."),
        ("savecontact.php", CONTACT | {"mobile": "6970000001"}, "Error: Invalid mobile number."),
        ("savecontact.php", CONTACT | {"mobile": FIXED}, "Error: Invalid mobile number."),
        ("savecontact.php", CONTACT | {"surname": ""}, "FAILED"),
        ("savecontact.php", {"surname": "Papas", "name": "Nikos", "mobile": COSMOTE}, "FAILED"),
        ("deletecontact.php", {}, "Error: Mobile number is empty."),
        ("deletecontact.php", {"mobile": "+306970000001"}, "Error: Invalid mobile number."),
        ("deletecontact.php", {"mobile": COSMOTE}, "FAILED"),
    ],
)
def test_page_answers_with_the_documented_sentence(gateway, page, params, reply):
    """Every documented refusal comes word for word, and costs nothing."""
    assert gateway.handle(page, WHO | params) == reply
    assert gateway.ledger.charges == []


@pytest.mark.parametrize(
    "page",
    ["credits.php", "send.php", "query.php", "hlr.php", "hlrquery.php", "savecontact.php", "deletecontact.php"],
)
@pytest.mark.parametrize("who", [{}, {"username": "demo"}, WHO | {"password": "wrong"}, WHO | {"username": "Demo"}])
def test_page_checks_the_credentials_first(gateway, page, who):
    """Whatever else is wrong, wrong credentials are what the caller hears of."""
    assert gateway.handle(page, who) == "Error: Authentication error."


def test_send_checks_in_the_order_of_the_page(gateway):
    """Recipients, then sender, then credits, then date: the order in which the provider lists the errors."""
    wrong = {"to": "", "from": "", "message": "a" * 160, "schedule": "some day"}
    replies = [gateway.handle("send.php", WHO | wrong)]
    for better in ({"to": ",".join([COSMOTE] * 101)}, {"from": "MyShop"}, {"to": COSMOTE}, {"schedule": ""}):
        wrong |= better
        replies.append(gateway.handle("send.php", WHO | wrong))

    assert [reply.split(" ")[-2:] for reply in replies[:4]] == [
        ["No", "recipients."],
        ["sender", "identity."],
        ["Insufficient", "credits."],
        ["scheduling", "date."],
    ]
    assert replies[4].startswith("ID:")


def test_page_that_does_not_exist_is_an_error(gateway):
    """A caller in this process that misspells a page hears of it."""
    with pytest.raises(KeyError):
        gateway.handle("credit.php", WHO)


def test_hlr_charges_every_number_at_acceptance(gateway):
    """The dead, the nonsensical and the repeated are charged as well, each time they are named."""
    numbers = [COSMOTE, FIXED, "garbage", COSMOTE]

    reply = gateway.handle("hlr.php", WHO | {"mobiles": ",".join(numbers)})

    call_id = reply.removeprefix("ID:")
    assert [(charge.call_id, charge.msisdn) for charge in gateway.ledger.charges] == [(call_id, n) for n in numbers]
    assert gateway.ledger.times_charged(kind="lookup")[COSMOTE] == 2
    assert gateway.handle("credits.php", WHO) == "Credits:96.00"


def test_hlrquery_goes_from_queued_to_pending_to_the_answer(gateway, clock):
    """An open lookup answers with its state alone, a final one with six fields, and stays so."""
    mid = gateway.handle("hlr.php", WHO | {"mobiles": COSMOTE}).removeprefix("ID:")
    lookup = gateway.ledger.lookups[0]
    replies = []
    for clock.now in (lookup.accepted_at, lookup.pending_at, lookup.final_at - 1e-3, lookup.final_at, 2e9):
        replies.append(gateway.handle("hlrquery.php", WHO | {"mid": mid, "mobile": COSMOTE}))

    answer = "Delivered;Greece;COSMOTE;202017064858369;306970019890;0"
    assert replies == ["Queued", "Pending", "Pending", answer, answer]


def test_lookup_takes_as_long_alone_as_in_company(clock):
    """Neither the order nor the batches of the calls change a latency or an answer."""
    numbers = [f"3069700{number:05d}" for number in range(20)]
    one, other = (Simulator(seed=7, clock=clock) for _ in range(2))
    one.handle("hlr.php", WHO | {"mobiles": ",".join(numbers)})
    for number in reversed(numbers):
        other.handle("hlr.php", WHO | {"mobiles": number})

    fates = [{entry.msisdn: (entry.final_at, entry.reply) for entry in world.ledger.lookups} for world in (one, other)]
    assert fates[0] == fates[1]
    assert len(fates[0]) == 20


def test_query_follows_a_message_to_its_end(gateway, clock):
    """A message goes the same way, with the mark of its page."""
    mid = gateway.handle("send.php", WHO | SEND).removeprefix("ID:")
    message = gateway.ledger.messages[0]
    replies = []
    for clock.now in (message.accepted_at, message.pending_at, message.final_at):
        replies.append(gateway.handle("query.php", WHO | {"mid": mid, "mobile": COSMOTE}))

    assert replies == ["Status: Queued", "Status: Pending", "Status: Delivered"]


def test_query_of_another_account_finds_nothing(gateway):
    """An id belongs to the account that made the call, and to the page it came from."""
    gateway.add_account("other", "secret", credits=1)
    mid = gateway.handle("hlr.php", WHO | {"mobiles": COSMOTE}).removeprefix("ID:")
    ask = {"mid": mid, "mobile": COSMOTE}

    assert gateway.handle("hlrquery.php", WHO | ask) == "Queued"
    assert gateway.handle("hlrquery.php", ask | {"username": "other", "password": "secret"}).startswith(
        "Error: No such"
    )
    assert gateway.handle("query.php", WHO | ask) == "Error: No such message or recipient."


@pytest.mark.parametrize("number", ["+306970000004", "00306970000004", "6970000004", " 306970000004"])
def test_number_in_another_form_is_charged_and_fails(clock, number):
    """A number that is not written as the page says is taken, charged, and nobody's."""
    gateway = Simulator(seed=7, credits=1, median_latency_s=0, clock=clock)
    mid = gateway.handle("hlr.php", WHO | {"mobiles": number}).removeprefix("ID:")

    assert gateway.handle("hlrquery.php", WHO | {"mid": mid, "mobile": number}) in {"Failed;;;;;1", "Unknown;;;;;"}
    assert gateway.handle("hlrquery.php", WHO | {"mid": mid, "mobile": COSMOTE}).startswith("Error: No such")
    assert gateway.handle("credits.php", WHO) == "Credits:0.00"


@pytest.mark.parametrize(
    ("extra", "segments", "shown"),
    [
        ({}, 1, ""),
        ({"message": "Καλημέρα"}, 1, "????????"),
        ({"message": "Καλημέρα" * 10, "coding": "UTF-8"}, 2, "Καλημέρα" * 10),
        ({"message": "Καλημέρα" * 10, "coding": "utf8"}, 1, "????????" * 10),
        ({"message": "a" * 161, "flash": "1"}, 2, "a" * 161),
    ],
)
def test_send_charges_segments_times_recipients(gateway, extra, segments, shown):
    """The price is parts x recipients; under GSM, the default, what the alphabet lacks becomes a question mark."""
    gateway.handle("send.php", WHO | SEND | extra | {"to": f"{COSMOTE},{NOVA}"})

    message = gateway.ledger.messages[0]
    assert gateway.ledger.charged(account="demo", kind="message") == 2 * segments
    assert (len(message.parts), "".join(message.parts)) == (segments, shown)
    assert message.flash is (extra.get("flash") == "1")
    assert gateway.ledger.charges[0].text == extra.get("message", "")


def test_send_scheduled_waits_for_its_time(gateway, clock):
    """A scheduled message is charged at once and queued until its time; a past one leaves at once."""
    late = gateway.handle("send.php", WHO | SEND | {"schedule": "+1 week"}).removeprefix("ID:")
    past = gateway.handle("send.php", WHO | SEND | {"schedule": "2017-07-17"}).removeprefix("ID:")
    clock.now += 6 * 86_400

    states = [gateway.handle("query.php", WHO | {"mid": mid, "mobile": COSMOTE}) for mid in (late, past)]
    assert states == ["Status: Queued", "Status: Delivered"]
    assert gateway.ledger.charged() == 2


def test_call_beyond_the_credits_is_refused_whole(clock):
    """Where the money does not reach for all, nobody is charged; to the last credit it is enough."""
    gateway = Simulator(credits="3.5", price_per_lookup="1.75", clock=clock)

    assert gateway.handle("hlr.php", WHO | {"mobiles": f"{COSMOTE},{NOVA},{FIXED}"}) == "Error: Insufficient credits."
    assert gateway.ledger.charges == []
    assert gateway.handle("hlr.php", WHO | {"mobiles": f"{COSMOTE},{NOVA}"}).startswith("ID:")
    assert gateway.handle("credits.php", WHO) == "Credits:0.00"


def test_contact_is_saved_changed_and_deleted_once(gateway):
    """Saving again changes the names; deleting a second time fails. The OK comes in both alphabets."""
    replies = set()
    for number in range(20):
        contact = CONTACT | {"mobile": f"3069700000{number:02d}"}
        replies |= {gateway.handle("savecontact.php", WHO | contact)}
    changed = gateway.handle("savecontact.php", WHO | CONTACT | {"name": "Άννα"})
    name = gateway.ledger.contacts["demo", COSMOTE].name
    deleted = [gateway.handle("deletecontact.php", WHO | {"mobile": COSMOTE}) for _ in range(2)]

    assert replies == {"OK", "\u039f\u039a"}
    assert (name, deleted) == ("Άννα", [changed, "FAILED"])
    assert len(gateway.ledger.contacts) == 19


def test_pinned_number_answers_what_it_was_told(gateway, clock):
    """A pin settles reply, latency or both, for calls accepted after it."""
    gateway.pin(COSMOTE, reply="Undelivered;Greece;X;;;1B")
    gateway.pin(COSMOTE, latency_s=3)
    gateway.pin(NOVA, latency_s=1e9)
    mid = gateway.handle("hlr.php", WHO | {"mobiles": f"{COSMOTE},{NOVA}"}).removeprefix("ID:")
    gateway.handle("send.php", WHO | SEND)
    clock.now += 3

    replies = [gateway.handle("hlrquery.php", WHO | {"mid": mid, "mobile": number}) for number in (COSMOTE, NOVA)]
    assert replies == ["Undelivered;Greece;X;;;1B", "Queued"]
    assert gateway.ledger.messages[0].status == "Failed"


def test_pin_of_a_latency_where_all_is_instant_keeps_it_instant():
    """With a median of zero there is no latency to be a multiple of."""
    gateway = Simulator(median_latency_s=0)
    gateway.pin(COSMOTE, reply="Delivered;;;;;", latency_s=5)
    mid = gateway.handle("hlr.php", WHO | {"mobiles": COSMOTE}).removeprefix("ID:")

    assert gateway.handle("hlrquery.php", WHO | {"mid": mid, "mobile": COSMOTE}) == "Delivered;;;;;"


def test_id_is_never_given_twice(clock):
    """No call has the id of another, and a sandbox with the same seed does not repeat the ids of the one before."""
    ids = []
    for _ in range(2):
        gateway = Simulator(seed=7, clock=clock)
        ids += [gateway.handle("hlr.php", WHO | {"mobiles": COSMOTE}) for _ in range(500)]

    assert len(set(ids)) == 1000
    assert {len(one) for one in ids} == {len("ID:0adgre1")}


def test_new_id_that_is_taken_is_drawn_again(gateway):
    """Where few ids are left, the one that is free is found."""
    assert {gateway.world.new_id(("abcdefgh", 1)) for _ in range(8)} == set("abcdefgh")


def test_ledger_never_holds_the_password(gateway):
    """Requests are kept with their parameters, the password excepted; an account's repr does not show it either."""
    gateway.handle("credits.php", WHO)

    assert gateway.ledger.requests[0].params == {"username": "demo"}
    assert "sandbox-password" not in repr(gateway.ledger) + repr(gateway.accounts)


def test_ledger_keeps_the_last_requests_and_counts_all(clock):
    """The details of requests are bounded, the counts are not."""
    gateway = Simulator(log_limit=3, clock=clock)
    for _ in range(10):
        gateway.handle("credits.php", WHO)

    assert [request.number for request in gateway.ledger.requests] == [8, 9, 10]
    assert gateway.ledger.summary()["requests"] == {"credits.php": 10}


def test_simulator_knows_nothing_of_the_client():
    """The sandbox shares the vocabulary with the house and nothing else, so that the two can disagree."""
    imports = set()
    for path in Path(simulator.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            imports |= {node.module or ""} if isinstance(node, ast.ImportFrom) else set()
            imports |= {alias.name for alias in node.names} if isinstance(node, ast.Import) else set()

    house = {name for name in imports if name.split(".")[0] == "isms_data"}
    assert {name for name in house if not name.startswith("isms_data.simulator")} == {"isms_data.vocabulary"}


NUMBERS = st.sampled_from([COSMOTE, NOVA, FIXED, "garbage", ""])


class Balance(RuleBasedStateMachine):
    """Whatever is called in whatever order, the money adds up."""

    def __init__(self):
        super().__init__()
        self.gateway = Simulator(credits="30", price_per_segment="0.45", price_per_lookup="1.2", clock=Clock())
        self.paid = Decimal(0)

    def pay(self, page, params, price):
        """Make a paid call: it is accepted for exactly its price, or refused for nothing."""
        before = self.gateway.accounts["demo"].balance
        reply = self.gateway.handle(page, WHO | params)
        assert reply.startswith("ID:") == (0 < price <= before)
        self.paid += price if reply.startswith("ID:") else 0

    @rule(numbers=st.lists(NUMBERS, max_size=8))
    def look_up(self, numbers):
        """Look numbers up."""
        self.pay("hlr.php", {"mobiles": ",".join(numbers)}, Decimal("1.2") * sum(map(bool, numbers)))

    @rule(numbers=st.lists(NUMBERS, max_size=4), text=st.text(max_size=300), coding=st.sampled_from(Coding))
    def send(self, numbers, text, coding):
        """Send a message."""
        price = Decimal("0.45") * len(parts(text, coding)) * sum(map(bool, numbers))
        self.pay("send.php", {"from": "Shop", "to": ",".join(numbers), "message": text, "coding": coding}, price)

    @rule(page=st.sampled_from(["hlr.php", "send.php"]))
    def call_as_nobody(self, page):
        """Call with wrong credentials."""
        assert self.gateway.handle(page, {"mobiles": COSMOTE} | SEND) == "Error: Authentication error."

    @invariant()
    def balance_is_credits_less_charges(self):
        """The balance is what was paid in less the sum of the ledger's charges, and never below zero."""
        account, ledger = self.gateway.accounts["demo"], self.gateway.ledger
        assert account.balance == 30 - ledger.charged() == 30 - self.paid >= 0
        assert len(ledger.charges) == len(ledger.messages) + len(ledger.lookups)
        assert self.gateway.handle("credits.php", WHO) == f"Credits:{account.balance:.2f}"


TestBalance = Balance.TestCase
TestBalance.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
