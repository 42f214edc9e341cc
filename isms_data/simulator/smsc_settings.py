"""How the sandbox's SMSC behaves where real ones differ, and where the provider's page is silent."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Final, Literal, Self, get_args

from isms_data.simulator.smsc_codec import Status

IdForm = Literal["text", "decimal", "hexadecimal", "hex_then_decimal", "decimal_then_hex", "padded", "other_case"]
ReceiptForm = Literal["both", "text", "tlv"]

ID_FORMS: Final[dict[str, tuple[str, str]]] = {
    "text": ("S{:X}", "S{:X}"),
    "decimal": ("{:d}", "{:d}"),
    "hexadecimal": ("{:X}", "{:X}"),
    "hex_then_decimal": ("{:x}", "{:d}"),
    "decimal_then_hex": ("{:d}", "{:X}"),
    "padded": ("{:d}", "{:020d}"),
    "other_case": ("{:X}", "{:x}"),
}
"""How the same message id is written in the response, and how in the receipt."""


@dataclass(slots=True)
class SmscSettings:
    """The settings; as keywords of `Simulator` each begins with `smpp_`. All may be changed while it runs.

    Parameters
    ----------
    rate : int or None
        So many submit_sm of one account are taken in any second, over all its binds; the others are answered with
        ESME_RTHROTTLED. None: all are taken.
    ids : IdForm
        How message ids are written; "text" everywhere alike and never like a number, the others as servers are known
        to do it (`ID_FORMS`).
    receipts : "both", "text" or "tlv"
        Whether a receipt says what it says in its text, in optional parameters, or in both.
    receipt_command : "deliver_sm" or "data_sm"
        The command in which a receipt comes.
    receipt_window : int
        So many receipts wait for their answer on one bind at most.
    repeat_after_s : float
        A receipt that was not answered with ESME_ROK comes again after so many seconds.
    bind_refusal : int or None
        The status for a wrong system_id or password; None: ESME_RINVSYSID and ESME_RINVPASWD.
    no_credits : int
        The status for a message that the account cannot pay for.
    max_binds : int or None
        So many binds an account may have; a further one is refused with ESME_RALYBND.
    enquire_s : float
        After so many silent seconds the server sends enquire_link.
    timeout_s : float
        A link that leaves its own enquire_link or unbind unanswered for so long is cut, and so is one that does not
        bind; an unanswered receipt counts as not delivered.
    """

    rate: int | None = 700
    ids: IdForm = "text"
    receipts: ReceiptForm = "both"
    receipt_command: Literal["deliver_sm", "data_sm"] = "deliver_sm"
    receipt_window: int = 50
    repeat_after_s: float = 1.0
    bind_refusal: int | None = None
    no_credits: int = Status.ESME_RSUBMITFAIL
    max_binds: int | None = None
    enquire_s: float = 30.0
    timeout_s: float = 10.0

    @classmethod
    def of(cls, keywords: dict[str, Any]) -> Self:
        """From the keywords of `Simulator`.

        >>> SmscSettings.of({"smpp_rate": None}).rate

        Raises
        ------
        TypeError    a keyword that does not exist.
        ValueError   a word that none of the forms has.
        """
        settings = cls()
        settings.change({name.removeprefix("smpp_"): value for name, value in keywords.items()})
        return settings

    def change(self, values: dict[str, Any]) -> None:
        """Put other values in the place of those that are named."""
        known = {field.name for field in fields(self)}
        for name, value in values.items():
            if name not in known:
                msg = f"smpp_{name} is no setting of the sandbox; there are smpp_{', smpp_'.join(sorted(known))}"
                raise TypeError(msg)
            if name in _WORDS and value not in _WORDS[name]:
                msg = f"smpp_{name}={value!r} is none of {', '.join(_WORDS[name])}"
                raise ValueError(msg)
        for name, value in values.items():
            setattr(self, name, value)

    def shown(self) -> dict[str, Any]:
        """What holds now, as JSON knows it."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


_WORDS: Final = {
    "ids": get_args(IdForm),
    "receipts": get_args(ReceiptForm),
    "receipt_command": ("deliver_sm", "data_sm"),
}
