"""The tables of a SQLite database, one migration after the other. A migration that was released is never edited: add one below it.

To add one: write a `Migration` with a new name at the end of `MIGRATIONS`; its steps run once, in order, in one transaction, and are
statements or functions of the connection.
"""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

Step = str | Callable[[sqlite3.Connection], None]


@dataclass(frozen=True, slots=True)
class Migration:
    """One change of the tables, recorded by its name."""

    name: str
    steps: tuple[Step, ...]


_PEOPLE = (
    "CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    # version: grows with every change of callers, keys or settings; health: what `healthy()` writes to.
    "CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL)",
    "INSERT INTO counters VALUES ('version', 1), ('health', 0)",
    "CREATE TABLE callers (name TEXT PRIMARY KEY, created_at REAL NOT NULL, suspended INTEGER NOT NULL)",
    """CREATE TABLE keys (
        hash BLOB PRIMARY KEY, prefix TEXT NOT NULL, name TEXT NOT NULL, caller TEXT NOT NULL REFERENCES callers (name),
        admin INTEGER NOT NULL, created_at REAL NOT NULL, expires_at REAL, revoked_at REAL, limits TEXT NOT NULL)""",
    "CREATE INDEX keys_caller ON keys (caller, name)",
)

_TASKS = (
    """CREATE TABLE tasks (
        key TEXT PRIMARY KEY, caller TEXT NOT NULL, key_prefix TEXT NOT NULL, upstream TEXT NOT NULL, dialect TEXT NOT NULL,
        operation TEXT NOT NULL, original_model TEXT NOT NULL, request_model TEXT NOT NULL, request_id TEXT NOT NULL,
        created_at REAL NOT NULL, id TEXT, state TEXT NOT NULL, status TEXT, service_tier TEXT NOT NULL,
        request TEXT NOT NULL, snapshot TEXT, seen_at REAL, ended_at REAL, next_poll REAL, attempts INTEGER NOT NULL,
        settled INTEGER NOT NULL, assumed INTEGER NOT NULL, cost_micros INTEGER, currency TEXT, error_code TEXT)""",
    "CREATE UNIQUE INDEX tasks_id ON tasks (id, upstream) WHERE id IS NOT NULL",
    # Callers name a task by its id alone, so one caller cannot have two of the same id, whatever their upstreams.
    "CREATE UNIQUE INDEX tasks_caller_id ON tasks (caller, id) WHERE state = 'accepted'",
    # What lists filter by stands in the index, so that a rare status among many tasks is found without reading the tasks.
    """CREATE INDEX tasks_caller_list ON tasks (caller, created_at, key, status, service_tier, original_model)
        WHERE state = 'accepted'""",
    "CREATE INDEX tasks_list ON tasks (created_at, key, status, service_tier, original_model) WHERE state = 'accepted'",
    "CREATE INDEX tasks_open ON tasks (next_poll, upstream) WHERE settled = 0 AND state <> 'deleted'",
)

_LEDGER = (
    """CREATE TABLE ledger (
        number INTEGER PRIMARY KEY, kind TEXT NOT NULL, time REAL NOT NULL, request_id TEXT NOT NULL, caller TEXT NOT NULL,
        key_prefix TEXT NOT NULL, family TEXT NOT NULL, operation TEXT NOT NULL, dialect TEXT NOT NULL, upstream TEXT NOT NULL,
        original_model TEXT NOT NULL, request_model TEXT NOT NULL, response_model TEXT, task_key TEXT, task_id TEXT,
        status TEXT NOT NULL, error_code TEXT, input_tokens INTEGER, output_tokens INTEGER, cached_tokens INTEGER,
        reasoning_tokens INTEGER, total_tokens INTEGER, images INTEGER, has_video_input INTEGER, resolution TEXT, seconds REAL,
        measured TEXT NOT NULL, cost_micros INTEGER, currency TEXT, price_date TEXT, first_byte_ms REAL, total_ms REAL,
        upstream_ms REAL, stream INTEGER NOT NULL, client TEXT, user_agent TEXT)""",
    "CREATE UNIQUE INDEX ledger_settlement ON ledger (task_key) WHERE kind = 'settlement'",
    "CREATE INDEX ledger_time ON ledger (time)",
    "CREATE INDEX ledger_caller ON ledger (caller, time)",
    # Rows may be deleted only by a prune, which names here, for the length of its transaction, the instant it deletes up to.
    "CREATE TABLE ledger_prune (before REAL NOT NULL)",
    """CREATE TRIGGER ledger_never_changes BEFORE UPDATE ON ledger
        BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: write an adjustment row instead'); END""",
    """CREATE TRIGGER ledger_never_shrinks BEFORE DELETE ON ledger
        WHEN NOT EXISTS (SELECT 1 FROM ledger_prune WHERE OLD.time < before)
        BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: rows go only by a prune'); END""",
    # Sums per local day, kept in the transaction of each row: a report over a million rows must not read a million rows. The order of
    # the primary key is that of the usual reports, which then need no sorting.
    """CREATE TABLE ledger_days (
        day INTEGER NOT NULL, caller TEXT NOT NULL, original_model TEXT NOT NULL, currency TEXT NOT NULL, family TEXT NOT NULL,
        upstream TEXT NOT NULL, key_prefix TEXT NOT NULL, calls INTEGER NOT NULL, errors INTEGER NOT NULL,
        input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, total_tokens INTEGER NOT NULL, images INTEGER NOT NULL,
        cost_micros INTEGER NOT NULL,
        PRIMARY KEY (day, caller, original_model, currency, family, upstream, key_prefix)) WITHOUT ROWID""",
    "INSERT INTO settings VALUES ('ledger.timezone', 'UTC')",
)

_REPEATS = (
    "ALTER TABLE tasks ADD COLUMN idempotency_key TEXT",
    "ALTER TABLE tasks ADD COLUMN fingerprint TEXT",
    "ALTER TABLE tasks ADD COLUMN delivered INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE tasks ADD COLUMN matched INTEGER NOT NULL DEFAULT 0",
    "CREATE INDEX tasks_idempotency ON tasks (caller, idempotency_key) WHERE idempotency_key IS NOT NULL",
    "CREATE INDEX tasks_undelivered ON tasks (caller, fingerprint) WHERE delivered = 0 AND matched = 0",
)

_DELIVERIES = (
    """CREATE TABLE deliveries (
        task_key TEXT PRIMARY KEY REFERENCES tasks (key), event_id TEXT NOT NULL, url TEXT NOT NULL, status TEXT NOT NULL,
        created_at REAL NOT NULL, attempts INTEGER NOT NULL, state TEXT NOT NULL, reason TEXT, next_try REAL)""",
    "CREATE INDEX deliveries_due ON deliveries (next_try) WHERE state = 'pending'",
)

_ARCHIVE = (
    """CREATE TABLE archive (
        task_key TEXT PRIMARY KEY REFERENCES tasks (key), state TEXT NOT NULL, location TEXT, frame TEXT, size INTEGER, sha256 TEXT,
        content_type TEXT, attempts INTEGER NOT NULL, next_try REAL, archived_at REAL, expires_at REAL, reason TEXT)""",
    "CREATE INDEX archive_due ON archive (next_try) WHERE next_try IS NOT NULL",
    "CREATE INDEX archive_ends ON archive (expires_at) WHERE state = 'kept'",
    # What ended lately and has a result: the archive asks for it every second.
    """CREATE INDEX tasks_results ON tasks (ended_at)
        WHERE settled = 1 AND status = 'succeeded' AND state = 'accepted'""",
)

_COMMANDS = (
    """CREATE TABLE commands (
        key TEXT PRIMARY KEY, kind TEXT NOT NULL, arguments TEXT NOT NULL, created_at REAL NOT NULL, expires_at REAL NOT NULL,
        ended_at REAL, result TEXT)""",
    "CREATE INDEX commands_pending ON commands (kind, created_at) WHERE ended_at IS NULL",
    "CREATE TABLE leases (name TEXT PRIMARY KEY, owner TEXT NOT NULL, until REAL NOT NULL)",
    # What another gateway has taken on is found here by the one that follows, which looks every few seconds and reads no row for it.
    "CREATE INDEX tasks_followed ON tasks (upstream, id, key, settled, state) WHERE settled = 0 AND state = 'accepted'",
    "CREATE INDEX tasks_unanswered ON tasks (created_at, key) WHERE settled = 0 AND state IN ('submitting', 'ambiguous')",
)

_LOST_ANSWERS = (
    # A create that a repeat without a key may belong to: its answer did not arrive, or its outcome is not known.
    "DROP INDEX tasks_undelivered",
    """CREATE INDEX tasks_repeatable ON tasks (caller, fingerprint)
        WHERE idempotency_key IS NULL AND matched = 0 AND (delivered = 0 OR state IN ('submitting', 'ambiguous'))""",
    "CREATE INDEX tasks_matched ON tasks (key) WHERE matched = 1 AND (delivered = 0 OR state IN ('submitting', 'ambiguous'))",
    "CREATE INDEX tasks_assumed ON tasks (created_at) WHERE settled = 1 AND assumed = 1 AND state = 'accepted'",
)

_OBJECTS = (
    """CREATE TABLE objects (
        caller TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL, upstream TEXT NOT NULL, created_at REAL NOT NULL,
        PRIMARY KEY (caller, kind, id)) WITHOUT ROWID""",
)

_OBJECT_FACTS = (
    "ALTER TABLE objects ADD COLUMN facts TEXT",
    "CREATE INDEX objects_list ON objects (caller, kind, created_at, id)",
)

MIGRATIONS: tuple[Migration, ...] = (
    Migration("0001-start", _PEOPLE + _TASKS + _LEDGER),
    Migration("0002-repeats", _REPEATS),
    Migration("0003-deliveries", _DELIVERIES),
    Migration("0004-archive", _ARCHIVE),
    Migration("0005-commands", _COMMANDS),
    Migration("0006-lost-answers", _LOST_ANSWERS),
    Migration("0010-objects", _OBJECTS),
    Migration("0011-object-facts", _OBJECT_FACTS),
)
