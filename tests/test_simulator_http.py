"""The sandbox on the wire: exact bytes, limits, broken connections, and what other processes can read."""

import json
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, IncompleteRead, RemoteDisconnected
from urllib.parse import urlencode, urlsplit

import pytest

from isms_data.simulator import Simulator, SimulatorServer
from isms_data.simulator.ledger import KINDS
from isms_data.vocabulary import CALLS

WHO = "username=demo&password=sandbox-password"
COSMOTE = "306970000004"


@pytest.fixture
def server():
    """A sandbox that answers at once."""
    with SimulatorServer(Simulator(seed=7, median_latency_s=0)) as running:
        yield running


@contextmanager
def connected(server):
    """A plain HTTP connection."""
    connection = HTTPConnection(urlsplit(server.base_url).netloc, timeout=10)
    try:
        yield connection
    finally:
        connection.close()


def ask(server, target, *, method="GET", body=None):
    """One request on its own connection: status, headers, body."""
    with connected(server) as connection:
        connection.request(method, target, body=body)
        response = connection.getresponse()
        return response.status, response.headers, response.read()


def call(server, page, query=""):
    """The body of one call."""
    return ask(server, f"/api/http/{page}?{WHO}&{query}")[2]


def raw(server, request):
    """Every byte that comes back until the server closes."""
    address = urlsplit(server.base_url)
    with socket.create_connection((address.hostname, address.port), timeout=10) as client:
        client.sendall(request)
        return b"".join(iter(lambda: client.recv(65536), b""))


def test_call_is_answered_in_plain_text(server):
    """The reply is the documented text and nothing else, without a line end."""
    status, headers, body = ask(server, f"/api/http/credits.php?{WHO}")

    assert (status, body) == (200, b"Credits:10000.00")
    assert headers["Content-Type"] == "text/plain; charset=UTF-8"
    assert headers["Content-Length"] == "16"


def test_all_calls_work_over_http(server):
    """The seven pages, each once, as the provider's page shows them."""
    lookup = call(server, "hlr.php", f"mobiles={COSMOTE},306930000001").decode().removeprefix("ID:")
    message = call(server, "send.php", f"from=MyShop&to={COSMOTE}&message=text+at+utf8%20format").decode()[3:]
    contact = urlencode({"surname": "Παπάς", "name": "Νίκος", "mobile": COSMOTE, "comments": ""})

    assert call(server, "hlrquery.php", f"mid={lookup}&mobile={COSMOTE}").startswith(b"Delivered;Greece;COSMOTE;20201")
    assert call(server, "query.php", f"mid={message}&mobile={COSMOTE}") == b"Status: Delivered"
    assert call(server, "savecontact.php", contact) in {b"OK", "\u039f\u039a".encode()}
    assert call(server, "deletecontact.php", f"mobile={COSMOTE}") in {b"OK", "\u039f\u039a".encode()}
    assert call(server, "credits.php") == b"Credits:9997.00"
    assert server.simulator.ledger.messages[0].text == "text at utf8 format"


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("message=a+b%20c%2Bd", "a b c+d"),
        ("message=first&message=last", "last"),
        ("message=%CE%93%CE%B5%CE%B9%CE%B1", "Γεια"),
        ("message=%CE%93%CE", "Γ\ufffd"),
        ("message=a%3Db=c%26d", "a=b=c&d"),
        ("%6Dessage=x&&flag", "x"),
        ("Message=x", ""),
        ("message=%zz%", "%zz%"),
    ],
)
def test_query_is_decoded_as_php_does(server, query, text):
    """Spaces as + and %20, the last of a repeated name, bytes that are no UTF-8: as the provider's PHP reads them."""
    call(server, "send.php", f"from=MyShop&to={COSMOTE}&{query}")

    assert server.simulator.ledger.messages[0].text == text


def test_request_that_is_no_http_is_400_and_not_logged(server, caplog):
    """Raw UTF-8 in the request line is refused, and the password that stands beside it appears in no log."""
    target = f"/api/http/send.php?{WHO}&from=MyShop&to={COSMOTE}&message=Γεια"
    reply = raw(server, f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())

    assert reply.split(b" ", 2)[1] == b"400"
    assert server.simulator.ledger.charges == []
    assert caplog.text == ""


@pytest.mark.parametrize("page", [one.page for one in CALLS])
@pytest.mark.parametrize("method", ["POST", "HEAD", "PUT", "DELETE"])
def test_method_other_than_get_is_refused(server, page, method):
    """Only GET is documented: anything else is 405 and nothing happens."""
    status, headers, _ = ask(server, f"/api/http/{page}?{WHO}&mobiles={COSMOTE}", method=method, body=b"to=1")

    assert (status, headers["Allow"]) == (405, "GET")
    assert not server.simulator.ledger.requests[0].carried_out
    assert server.simulator.ledger.charges == []


@pytest.mark.parametrize("path", ["/", "/api/http/", "/api/http/credit.php", "/api/http/api/http/deletecontact.php"])
def test_page_that_does_not_exist_is_404(server, path):
    """There is nothing but the seven pages, the slip in the provider's own example included."""
    assert ask(server, f"{path}?{WHO}")[0] == 404


@pytest.mark.parametrize(("length", "status"), [(8190, b"200"), (8191, b"414"), (20_000, b"414")])
def test_request_line_is_limited_to_the_byte(server, length, status):
    """A line of 8,190 bytes, method and version included, is read; one more is 414, not carried out, and the end."""
    head, tail = f"GET /api/http/hlr.php?{WHO}&mobiles={COSMOTE}&x=", " HTTP/1.1"
    line = head + "a" * (length - len(head) - len(tail)) + tail
    assert len(line) == length

    reply = raw(
        server, f"{line}\r\nHost: x\r\nConnection: {'close' if status == b'200' else 'keep-alive'}\r\n\r\n".encode()
    )

    assert reply.split(b" ", 2)[1] == status
    assert len(server.simulator.ledger.charges) == (status == b"200")


@pytest.mark.parametrize("kind", ["reset_before", "drop_after_charge"])
def test_connection_that_breaks_brings_no_byte(server, kind):
    """A reset is a reset and a drop is an end, both without a byte; only the drop has charged."""
    server.simulator.faults.script(kind)
    expected = ConnectionResetError if kind == "reset_before" else RemoteDisconnected

    with pytest.raises(ConnectionResetError) as caught:
        call(server, "hlr.php", f"mobiles={COSMOTE}")

    assert caught.type is expected
    assert len(server.simulator.ledger.charges) == (kind == "drop_after_charge")
    assert call(server, "credits.php").startswith(b"Credits:")


def test_reply_that_is_truncated_is_short_of_its_length(server):
    """The promised length is that of the whole reply, two thirds of it come, and the call is charged."""
    server.simulator.faults.script("truncated")

    with pytest.raises(IncompleteRead) as caught:
        call(server, "hlr.php", f"mobiles={COSMOTE}")

    whole = server.simulator.ledger.requests[0].reply.encode()
    assert caught.value.partial == whole[:6]
    assert caught.value.expected == len(whole) - 6
    assert len(server.simulator.ledger.charges) == 1


def test_reply_that_is_empty_or_behind_a_warning_comes_whole(server):
    """An empty 200 and a PHP warning are complete HTTP replies."""
    server.simulator.faults.script("empty", page="hlr.php")
    server.simulator.faults.script("php_warning", page="hlr.php")

    assert call(server, "hlr.php", f"mobiles={COSMOTE}") == b""
    assert b"<b>Warning</b>" in (reply := call(server, "hlr.php", f"mobiles={COSMOTE}"))
    assert reply.endswith(server.simulator.ledger.charges[1].call_id.encode())


def test_unavailable_says_when_to_come_back(server):
    """503 carries Retry-After and an HTML page."""
    server.simulator.faults.set_retry_after("seconds", 7)
    server.simulator.faults.script("unavailable_503")
    status, headers, body = ask(server, f"/api/http/hlr.php?{WHO}&mobiles={COSMOTE}")

    assert (status, headers["Retry-After"], headers["Content-Type"]) == (503, "7", "text/html; charset=UTF-8")
    assert body.startswith(b"<html>")


def test_slow_reply_outlives_an_impatient_client(server):
    """A slow call is carried out at once; the client that does not wait has paid all the same."""
    server.simulator.faults.slow_s = 30
    server.simulator.faults.script("slow")
    with connected(server) as connection:
        connection.timeout = 0.2
        connection.request("GET", f"/api/http/hlr.php?{WHO}&mobiles={COSMOTE}")
        with pytest.raises(TimeoutError):
            connection.getresponse()

    assert len(server.simulator.ledger.charges) == 1
    assert call(server, "credits.php") == b"Credits:9999.00"


def test_requests_in_flight_are_counted(server):
    """The ledger knows how many requests were open at once at most."""
    server.simulator.faults.slow_s = 0.3
    server.simulator.faults.script("slow", times=6)
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: call(server, "credits.php"), range(6)))

    assert server.simulator.ledger.max_in_flight == 6
    assert server.simulator.ledger.in_flight == 0


def test_ledger_is_readable_from_outside(server):
    """Another process reads the same ledger as JSON: whole, one kind, or the entries since the last look."""
    call(server, "hlr.php", f"mobiles={COSMOTE},1,2,3")
    whole = json.loads(ask(server, "/sandbox/ledger")[2])
    charges = json.loads(ask(server, "/sandbox/ledger?kind=charges&since=1&limit=2")[2])

    assert list(whole) == ["summary", *KINDS]
    assert whole["charges"][0] | {"at": 0, "call_id": ""} == {
        "request": 1, "at": 0, "account": "demo", "kind": "lookup", "call_id": "", "msisdn": COSMOTE, "amount": "1",
        "text": None, "continues": False,
    }  # fmt: skip
    assert [charge["msisdn"] for charge in charges["charges"]] == ["1", "2"]
    assert charges["summary"]["charged"] == {"message": "0", "lookup": "4"}
    assert json.loads(ask(server, "/sandbox/ledger?kind=summary")[2]) == {"summary": charges["summary"]}
    assert "sandbox-password" not in json.dumps(whole)


def test_ledger_with_many_entries_comes_whole_and_in_order(server):
    """A ledger of many slices is one JSON document, its entries in the order in which they happened."""
    numbers = [str(number) for number in range(4500)]
    server.simulator.handle(
        "hlr.php", {"username": "demo", "password": "sandbox-password", "mobiles": ",".join(numbers)}
    )

    ledger = json.loads(ask(server, "/sandbox/ledger?kind=charges&kind=lookups")[2])

    assert [charge["msisdn"] for charge in ledger["charges"]] == numbers
    assert [lookup["msisdn"] for lookup in ledger["lookups"]] == numbers


@pytest.mark.parametrize("query", ["kind=secrets", "since=x", "limit=", "since=-1", "limit=-1"])
def test_ledger_question_that_makes_no_sense_is_400(server, query):
    """A misspelt question is not answered with something else."""
    assert ask(server, f"/sandbox/ledger?{query}")[0] == 400


def test_faults_are_set_from_outside(server):
    """Another process puts faults in place, sees them, and takes them away."""
    body = {"rates": {"empty": 1.0}, "pages": ["hlr.php"], "script": [{"kind": "error_500", "page": "credits.php"}]}
    put = json.loads(ask(server, "/sandbox/faults", method="PUT", body=json.dumps(body))[2])

    assert (put["rates"], put["pages"]) == ({"empty": 1.0}, ["hlr.php"])
    assert call(server, "hlr.php", f"mobiles={COSMOTE}") == b""
    assert b"500" in call(server, "credits.php")
    assert json.loads(ask(server, "/sandbox/faults", method="PUT", body="{}")[2])["pages"] is None
    assert call(server, "hlr.php", f"mobiles={COSMOTE}").startswith(b"ID:")


@pytest.mark.parametrize(
    "body", ["", "[]", "{", '{"rate": 1}', '{"rates": {"boom": 1}}', '{"rates": "x"}', '{"script": [{"times": 2}]}']
)
def test_faults_that_make_no_sense_change_nothing(server, body):
    """What cannot be read is refused, with the reason, and the old faults stay."""
    before = server.simulator.faults
    status, _, reason = ask(server, "/sandbox/faults", method="PUT", body=body)

    assert (status, bool(reason)) == (400, True)
    assert server.simulator.faults is before
    assert json.loads(ask(server, "/sandbox/faults")[2]) == before.settings()


def test_health_tells_the_balances(server):
    """Another process sees that the sandbox is up and what is left, without credentials."""
    assert json.loads(ask(server, "/sandbox/health")[2]) == {"status": "ok", "balances": {"demo": "10000"}}
    assert not server.simulator.ledger.requests


def test_connection_is_kept_alive(server):
    """A second call goes over the same connection."""
    with connected(server) as connection:
        sockets = []
        for _ in range(2):
            connection.request("GET", f"/api/http/credits.php?{WHO}")
            connection.getresponse().read()
            sockets.append(connection.sock.getsockname())

    assert sockets[0] == sockets[1]


def test_server_stopped_leaves_nothing_behind():
    """After the stop there is no thread, the port is free, and whoever waited for a reply is told of the end."""
    server = SimulatorServer(Simulator(faults={"slow": 1.0})).start()
    address = urlsplit(server.base_url)
    with socket.create_connection((address.hostname, address.port), timeout=10) as client:
        client.sendall(f"GET /api/http/credits.php?{WHO} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        while not server.simulator.ledger.in_flight:
            ask(server, "/sandbox/health")
        server.stop()
        server.stop()
        assert client.recv(1) == b""

    assert "isms-sandbox" not in {thread.name for thread in threading.enumerate()}
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((address.hostname, address.port), timeout=10)


def test_server_stopped_while_clients_arrive_leaves_none_waiting():
    """A connection that is made in the moment of the stop is ended with the others."""
    for _ in range(30):
        server = SimulatorServer(Simulator()).start()
        address = urlsplit(server.base_url)
        clients = [socket.create_connection((address.hostname, address.port), timeout=10) for _ in range(3)]
        server.stop()
        for client in clients:
            with client, suppress(ConnectionResetError):
                assert client.recv(1) == b""


def test_server_starts_again_after_a_stop():
    """A stopped server can be started anew, a running one cannot be started twice."""
    server = SimulatorServer(Simulator())
    for _ in range(2):
        with server:
            assert call(server, "credits.php") == b"Credits:10000.00"
            with pytest.raises(RuntimeError, match="running already"):
                server.start()


def test_server_on_a_port_that_is_taken_says_so(server):
    """The error of the port comes to the caller of start, and no thread stays."""
    with pytest.raises(OSError, match=r"(?i)address already in use"):
        SimulatorServer(Simulator(), port=urlsplit(server.base_url).port).start()

    assert [thread.name for thread in threading.enumerate()].count("isms-sandbox") == 1


def test_server_on_all_addresses_is_named_by_loopback():
    """A server that listens everywhere has a base URL that a client on this machine can use."""
    with SimulatorServer(Simulator(), host="0.0.0.0") as server:  # noqa: S104 - the test is about it
        assert server.base_url.startswith("http://127.0.0.1:")
        assert call(server, "credits.php") == b"Credits:10000.00"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_ends_cleanly_on_a_signal(number):
    """A process that serves prints its address, answers, and ends with code 0 and without a word when interrupted."""
    program = (
        "from isms_data.simulator import Simulator, serve\nserve(Simulator(), on_ready=lambda u: print(u, flush=True))"
    )
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", program]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own interpreter
        port = urlsplit(process.stdout.readline().strip()).port
        with socket.create_connection(("127.0.0.1", port), timeout=10):
            process.send_signal(number)
            out, errors = process.communicate(timeout=20)

    assert (process.returncode, out, errors) == (0, "", "")
