"""The plain functions behind the public names: each coroutine of `operations`, waited for."""

from __future__ import annotations

from isms_data.blocking import blocking
from isms_data.operations import credits as _credits
from isms_data.operations import hlr as _hlr
from isms_data.operations import settle as _settle

credits = blocking(_credits.credits)
hlr_lookup = blocking(_hlr.hlr_lookup)
settle = blocking(_settle.settle)
