"""How the last word on an item is kept, whoever heard it: a poll, a delivery report, a receipt."""

from __future__ import annotations

from typing import Final

from isms_data.journal.standing import AnswerKind

KEEP_ANSWER: Final = (
    "INSERT INTO answers (item_id, kind, answered_at, reply, source, detail) VALUES (?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (item_id) DO UPDATE SET kind = excluded.kind, answered_at = excluded.answered_at, "
    "reply = excluded.reply, source = excluded.source, detail = excluded.detail "
    f"WHERE answers.kind <> '{AnswerKind.FINAL}'"
)
"""An answer in place of what there was; a final one is never overwritten."""
