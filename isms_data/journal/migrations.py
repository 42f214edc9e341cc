"""The tables of the journal, and how an older file becomes today's.

To change a table, append a step to `MIGRATIONS`; an old step is never edited, because files of every version are about.
Times are whole microseconds since 1970 (UTC); a number is stored as an integer (E.164: 15 digits at most), which makes
its index small and quick.
"""

from __future__ import annotations

from typing import Final

MIGRATIONS: Final = (
    """
    CREATE TABLE runs (
        run_id     TEXT PRIMARY KEY,
        account    TEXT NOT NULL,
        operation  TEXT NOT NULL,
        host       TEXT NOT NULL,
        pid        INTEGER NOT NULL,
        born       TEXT NOT NULL,
        started_at INTEGER NOT NULL,
        lease_end  INTEGER NOT NULL,
        ended_at   INTEGER
    );
    CREATE TABLE calls (
        call_id     INTEGER PRIMARY KEY,
        account     TEXT NOT NULL,
        operation   TEXT NOT NULL,
        label       TEXT,
        run_id      TEXT NOT NULL REFERENCES runs (run_id),
        state       TEXT NOT NULL,
        first_id    INTEGER NOT NULL,
        numbers     INTEGER NOT NULL,
        price       TEXT NOT NULL,
        measured    INTEGER NOT NULL,
        intended_at INTEGER NOT NULL,
        answered_at INTEGER,
        message_id  TEXT,
        problem     TEXT
    );
    CREATE INDEX calls_open ON calls (state, account);
    CREATE TABLE lookups (
        lookup_id INTEGER PRIMARY KEY,
        msisdn    INTEGER NOT NULL,
        call_id   INTEGER NOT NULL REFERENCES calls (call_id)
    );
    CREATE INDEX lookups_of_number ON lookups (msisdn);
    CREATE TABLE answers (
        lookup_id   INTEGER PRIMARY KEY REFERENCES lookups (lookup_id),
        kind        TEXT NOT NULL,
        answered_at INTEGER NOT NULL,
        reply       TEXT
    );
    CREATE TABLE balances (
        balance_id INTEGER PRIMARY KEY,
        account    TEXT NOT NULL,
        run_id     TEXT NOT NULL,
        after_call INTEGER NOT NULL,
        alone      INTEGER NOT NULL,
        read_at    INTEGER NOT NULL,
        credits    TEXT NOT NULL
    );
    """,
    """
    ALTER TABLE lookups RENAME TO items;
    ALTER TABLE items RENAME COLUMN lookup_id TO item_id;
    DROP INDEX lookups_of_number;
    CREATE INDEX items_of_number ON items (msisdn);
    ALTER TABLE answers RENAME COLUMN lookup_id TO item_id;
    ALTER TABLE answers ADD COLUMN source TEXT;
    ALTER TABLE calls ADD COLUMN units INTEGER NOT NULL DEFAULT 1;
    CREATE INDEX calls_of_label ON calls (account, operation, label);
    CREATE TABLE messages (
        call_id       INTEGER PRIMARY KEY REFERENCES calls (call_id),
        reference     TEXT NOT NULL UNIQUE,
        sender        TEXT NOT NULL,
        text          TEXT NOT NULL,
        coding        TEXT NOT NULL,
        flash         INTEGER NOT NULL,
        scheduled_for INTEGER,
        schedule      TEXT,
        transport     TEXT NOT NULL
    );
    CREATE TABLE reports (
        report_id   INTEGER PRIMARY KEY,
        digest      BLOB NOT NULL UNIQUE,
        received_at INTEGER NOT NULL,
        reference   TEXT NOT NULL,
        item_id     INTEGER REFERENCES items (item_id),
        status      TEXT,
        fields      TEXT NOT NULL
    );
    CREATE TABLE suppressions (
        msisdn INTEGER PRIMARY KEY,
        reason TEXT,
        since  INTEGER NOT NULL,
        until  INTEGER
    );
    CREATE TABLE contacts (
        account   TEXT NOT NULL,
        mobile    INTEGER NOT NULL,
        surname   TEXT NOT NULL,
        name      TEXT NOT NULL,
        comments  TEXT NOT NULL,
        synced_at INTEGER NOT NULL,
        PRIMARY KEY (account, mobile)
    ) WITHOUT ROWID;
    """,
    """
    CREATE TABLE segments (
        call_id    INTEGER NOT NULL REFERENCES calls (call_id),
        part       INTEGER NOT NULL,
        session    TEXT NOT NULL,
        sequence   INTEGER NOT NULL,
        message_id TEXT,
        status     TEXT,
        detail     TEXT,
        PRIMARY KEY (call_id, part)
    ) WITHOUT ROWID;
    CREATE INDEX segments_of_id ON segments (message_id) WHERE message_id IS NOT NULL;
    ALTER TABLE answers ADD COLUMN detail TEXT;
    ALTER TABLE reports ADD COLUMN account TEXT;
    CREATE INDEX receipts_to_match ON reports (account, reference) WHERE item_id IS NULL AND account IS NOT NULL;
    """,
    """
    CREATE TABLE shares (
        run_id   TEXT NOT NULL REFERENCES runs (run_id),
        resource TEXT NOT NULL,
        account  TEXT NOT NULL,
        share    INTEGER NOT NULL,
        freed_at INTEGER NOT NULL,
        PRIMARY KEY (run_id, resource)
    ) WITHOUT ROWID;
    CREATE INDEX runs_of_account ON runs (account) WHERE ended_at IS NULL;
    """,
)
"""
`calls` are paid calls; `items` the numbers of each, from `first_id` on, one for each number; `answers` the last word on
an item; `messages` what a call that sends has beyond the rest. `units` is what an item costs in units of the price: one
for a lookup, the segments for a message. `label` names a lookup's run, or the campaign. `reference` is what the dlr-url
of a call names it by. `balances` are readings of the balance, as evidence. `segments` are the parts of a message that
goes by SMPP: each is a submit_sm of its own, with a sequence number in a session, an id, and receipts. A receipt is
kept among `reports`, under its account and with the id that it names as `reference`. `detail` is the SMPP word of a
state. `shares` say how much of a limit of the account each run may use. On a server there is one table more, `journal`,
with the version of the others and the secret of the dlr-urls.
"""
