"""The notebooks run from top to bottom in a real kernel, and the kernel's stop button stops a run cleanly."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from jupyter_client.manager import start_new_kernel
from nbclient import NotebookClient

from tests.peers import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jupyter_client import BlockingKernelClient, KernelManager

    from isms_data.trial import SandboxAccount

FOLDER = Path(__file__).resolve().parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(path: Path) -> None:
    """Every cell runs in a fresh kernel, without an error and without a warning."""
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(FOLDER)}}).execute()
    errors = [
        output["text"]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output.get("name") == "stderr" and "Warning" in output["text"]
    ]

    assert errors == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_stored_bare(path: Path) -> None:
    """No outputs, counts or machine's names are stored."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]

    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells)
    assert set(notebook["metadata"]) == {"kernelspec", "language_info"}


@pytest.fixture
def kernel() -> Iterator[tuple[KernelManager, BlockingKernelClient]]:
    manager, client = start_new_kernel(kernel_name="python3")
    yield manager, client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def run(client: BlockingKernelClient, code: str) -> dict[str, Any]:
    return client.execute_interactive(code, timeout=60, output_hook=lambda _: None)["content"]


def test_stop_button_in_the_middle_of_a_lookup(
    kernel: tuple[KernelManager, BlockingKernelClient], account: SandboxAccount
) -> None:
    """Stopped in mid-run, the cell ends within 10 s; run again, it has every answer and has paid once."""
    manager, client = kernel
    account.gateway.simulator.pin("306970000000", latency_s=3.0)
    cell = f"""
import pandas as pd, isms_data as isms
account = isms.Account({account.username!r}, {account.password!r}, base_url={account.base_url!r})
numbers = pd.DataFrame({{"msisdn": [str(306970000000 + place) for place in range(50)]}})
result = isms.hlr_lookup(numbers, "msisdn", account=account)
"""
    client.execute(cell, stop_on_error=False)  # else the kernel may refuse the next cell for a moment
    until(lambda: account.gateway.simulator.ledger.request_counts["hlrquery.php"])
    began = time.monotonic()
    manager.interrupt_kernel()
    ended = client.get_shell_msg(timeout=30)["content"]
    took = time.monotonic() - began
    again = run(client, cell + "assert result.outcome.isin(['done', 'cached']).all(), result.outcome.value_counts()")

    assert (ended["status"], ended["ename"]) == ("error", "KeyboardInterrupt")
    assert took < 10
    assert again["status"] == "ok", again
    assert account.gateway.simulator.ledger.charged() == 50


def test_stop_button_in_the_middle_of_a_send(
    kernel: tuple[KernelManager, BlockingKernelClient], account: SandboxAccount
) -> None:
    """Stopped in mid-send, the cell ends within 10 s; run again, every number has been sent to, once."""
    manager, client = kernel
    cell = f"""
import pandas as pd, isms_data as isms
account = isms.Account({account.username!r}, {account.password!r}, base_url={account.base_url!r})
people = pd.DataFrame({{"msisdn": [str(306970000000 + place) for place in range(1500)]}})
people["name"] = [f"number {{place}}" for place in range(1500)]
plan = isms.plan_messages(people, "msisdn", campaign="c", sender="MyShop", text="Hello {{name}}", account=account)
sent = isms.send_messages(plan.assign(action="send", reason=None), account=account)
"""
    ledger = account.gateway.simulator.ledger
    client.execute(cell, stop_on_error=False)
    until(lambda: ledger.request_counts["send.php"] > 100)
    began = time.monotonic()
    manager.interrupt_kernel()
    ended = client.get_shell_msg(timeout=30)["content"]
    took, before = time.monotonic() - began, ledger.charged()
    again = run(client, cell + "assert set(sent.outcome) <= {'accepted', 'already_sent'}, sent.outcome.value_counts()")

    assert (ended["status"], ended["ename"]) == ("error", "KeyboardInterrupt")
    assert took < 10
    assert before < 1500
    assert again["status"] == "ok", again
    assert ledger.times_charged() == {str(306970000000 + place): 1 for place in range(1500)}


def test_await_in_a_cell(kernel: tuple[KernelManager, BlockingKernelClient], account: SandboxAccount) -> None:
    """The coroutine can be awaited in a cell, and the plain function works in the same running loop."""
    _, client = kernel
    cell = f"""
import pandas as pd, isms_data as isms
account = isms.Account({account.username!r}, {account.password!r}, base_url={account.base_url!r})
numbers = pd.DataFrame({{"msisdn": ["306970000000"]}})
awaited = await isms.aio.hlr_lookup(numbers, "msisdn", account=account)
plain = isms.hlr_lookup(numbers, "msisdn", account=account)
assert awaited.imsi.equals(plain.imsi)
"""
    done = run(client, cell)

    assert done["status"] == "ok", done
