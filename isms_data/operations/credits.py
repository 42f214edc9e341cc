"""The balance. Source: docs/protocol.md, credits.php."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isms_data.account import resolve
from isms_data.transports.http import HttpGateway

if TYPE_CHECKING:
    from decimal import Decimal

    from isms_data.account import Account


async def credits(account: Account | None = None) -> Decimal:
    """The balance of the account, in credits.

    Parameters
    ----------
    account : Account, optional
        By default the one of the environment.

    Raises
    ------
    ConfigurationError    no account is set.
    AuthenticationError   the gateway does not accept the user name or the password.
    GatewayUnavailable    the gateway was not reached.

    Notes
    -----
    Cost: none. Repeatable: yes. Source: docs/protocol.md, credits.php.

    Examples
    --------
    >>> import isms_data as isms
    >>> with isms.sandbox(credits=250) as account:
    ...     isms.credits(account)
    Decimal('250.00')
    """
    async with HttpGateway(resolve(account)) as gateway:
        return await gateway.credits()
