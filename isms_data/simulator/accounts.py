"""The accounts of the sandbox: who may call, with what money, at what prices."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, Decimal
from typing import Final

Amount = Decimal | float | str
"""An amount of credits; a float counts as it is written."""

CENT: Final = Decimal("0.01")

DEMO_SMPP_PASSWORD: Final = "sandbox1"  # noqa: S105 - of the sandbox's own accounts, on this machine only
"""A password of SMPP has at most eight characters (4.1.1)."""

_SENDER: Final = re.compile(r"(?=.*[^ ])[A-Za-z0-9 ]{1,11}|[0-9]{1,16}")


@dataclass(slots=True)
class Account:
    """One account: `credits` is what was ever paid in, `spent` the sum of all charges. Its repr shows no password."""

    username: str
    password: str = field(repr=False)
    credits: Decimal
    price_per_segment: Decimal
    price_per_lookup: Decimal
    spent: Decimal = Decimal(0)
    smpp_password: str = field(default=DEMO_SMPP_PASSWORD, repr=False)

    @property
    def balance(self) -> Decimal:
        """What is left."""
        return self.credits - self.spent

    @property
    def shown_balance(self) -> str:
        """What credits.php shows: two decimals, never more than there is.

        >>> Account("demo", "secret", Decimal("10.456"), Decimal(1), Decimal(1)).shown_balance
        '10.45'
        """
        return str(self.balance.quantize(CENT, rounding=ROUND_DOWN))


def exact(amount: Amount) -> Decimal:
    """An amount as it is written.

    >>> exact(0.1)
    Decimal('0.1')
    """
    return Decimal(str(amount))


def is_sender(text: str) -> bool:
    """Whether the provider takes it as a sender: 1-11 Latin letters, digits and spaces, or up to 16 digits.

    >>> is_sender("MyShop"), is_sender("306900000001"), is_sender("TwelveLetter"), is_sender("Κατάστημα")
    (True, True, False, False)
    """
    return _SENDER.fullmatch(text) is not None
