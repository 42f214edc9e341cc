"""Receipts: the state of a short message told to its sender, in a deliver_sm or data_sm.

SMPP 3.4 5.2.12 (esm_class), 5.3.2.12 (receipted_message_id), 5.3.2.31 (network_error_code),
5.3.2.35 (message_state), appendix B (the customary text).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from isms_data.simulator.smsc_codec import Tag, c_octets, tlv
from isms_data.simulator.smsc_messages import Kept, State

if TYPE_CHECKING:
    from isms_data.simulator.smsc_codec import Submit
    from isms_data.simulator.smsc_settings import ReceiptForm

DELIVERY_RECEIPT: Final = 0x04
INTERMEDIATE_NOTIFICATION: Final = 0x20
"""esm_class, bits 5 to 2."""

GSM_NETWORK: Final = 3
TEXT_SHOWN: Final = 20
"""So many characters of the message a receipt repeats."""

WORDS: Final = {
    State.ENROUTE: "ENROUTE",
    State.DELIVERED: "DELIVRD",
    State.EXPIRED: "EXPIRED",
    State.DELETED: "DELETED",
    State.UNDELIVERABLE: "UNDELIV",
    State.ACCEPTED: "ACCEPTD",
    State.UNKNOWN: "UNKNOWN",
    State.REJECTED: "REJECTD",
}
"""The states as appendix B abbreviates them."""


@dataclass(slots=True, eq=False)
class Receipt:
    """One receipt on its way: the final one, or the note that the message is under way."""

    kept: Kept
    final: bool = True
    attempts: int = 0
    void: bool = False

    @property
    def state(self) -> State:
        """What it says."""
        return self.kept.fate.state if self.final else State.ENROUTE

    @property
    def at(self) -> float:
        """When what it says comes true."""
        return self.kept.fate.final_at if self.final else self.kept.fate.pending_at

    def deliver_sm(self, form: ReceiptForm | None) -> bytes:
        """The body of a deliver_sm: from the number that was written to, to the sender.

        Without a form it is for a client that knows no optional parameters.
        """
        submit = self.kept.submit
        text = b"" if form == "tlv" else receipt_text(self).encode("latin-1")
        tail = bytes([0, 0, 0, 0, len(text)])  # registered_delivery to sm_length; the two times before them are empty
        return self._head(submit) + b"\0\0" + tail + text + (self._tlvs(submit, form) if form else b"")

    def data_sm(self, form: ReceiptForm) -> bytes:
        """The body of a data_sm, which has no text of its own (4.7.1): it is the message_payload."""
        submit = self.kept.submit
        payload = b"" if form == "tlv" else tlv(Tag.MESSAGE_PAYLOAD, receipt_text(self).encode("latin-1"))
        return self._head(submit) + payload + self._tlvs(submit, form)

    def _head(self, submit: Submit) -> bytes:
        """All up to esm_class and the two octets behind it, which in either command are 0."""
        return b"".join(
            (
                c_octets(submit.service_type),
                bytes([submit.dest_ton, submit.dest_npi]),
                c_octets(submit.destination),
                bytes([submit.source_ton, submit.source_npi]),
                c_octets(submit.source),
                bytes([DELIVERY_RECEIPT if self.final else INTERMEDIATE_NOTIFICATION, 0, 0]),
            )
        )

    def _tlvs(self, submit: Submit, form: ReceiptForm) -> bytes:
        reference = submit.tlvs.get(Tag.USER_MESSAGE_REFERENCE)
        written = b"" if reference is None else tlv(Tag.USER_MESSAGE_REFERENCE, reference)
        if form == "text":
            return written
        error = self.kept.fate.error if self.final else 0
        return b"".join(
            (
                written,
                tlv(Tag.RECEIPTED_MESSAGE_ID, c_octets(self.kept.receipt_id)),
                tlv(Tag.MESSAGE_STATE, bytes([self.state])),
                tlv(Tag.NETWORK_ERROR_CODE, bytes([GSM_NETWORK]) + error.to_bytes(2, "big")) if error else b"",
            )
        )


def receipt_text(receipt: Receipt) -> str:
    """The text of appendix B; what of the message is not ASCII has become a question mark."""
    kept = receipt.kept
    shown = kept.segment.text[:TEXT_SHOWN].encode("ascii", "replace").decode()
    delivered = 1 if receipt.state is State.DELIVERED else 0
    error = kept.fate.error if receipt.final else 0
    return (
        f"id:{kept.receipt_id} sub:001 dlvrd:{delivered:03d} submit date:{_date(kept.segment.at)} "
        f"done date:{_date(receipt.at)} stat:{WORDS[receipt.state]} err:{error:03d} Text:{shown}"
    )


def _date(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%y%m%d%H%M")
