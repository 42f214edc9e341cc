"""The plain functions behind the public names: each coroutine of `operations`, waited for."""

from __future__ import annotations

from isms_data.blocking import blocking
from isms_data.operations import contacts as _contacts
from isms_data.operations import credits as _credits
from isms_data.operations import delivery as _delivery
from isms_data.operations import forget as _forget
from isms_data.operations import hlr as _hlr
from isms_data.operations import plan as _plan
from isms_data.operations import send as _send
from isms_data.operations import settle as _settle
from isms_data.operations import suppression as _suppression

credits = blocking(_credits.credits)
delete_contacts = blocking(_contacts.delete_contacts)
delivery_status = blocking(_delivery.delivery_status)
forget = blocking(_forget.forget)
hlr_lookup = blocking(_hlr.hlr_lookup)
plan_messages = blocking(_plan.plan_messages)
save_contacts = blocking(_contacts.save_contacts)
send_messages = blocking(_send.send_messages)
settle = blocking(_settle.settle)
suppress = blocking(_suppression.suppress)
suppressed = blocking(_suppression.suppressed)
sync_contacts = blocking(_contacts.sync_contacts)
unsuppress = blocking(_suppression.unsuppress)
