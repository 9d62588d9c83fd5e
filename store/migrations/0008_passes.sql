-- Access tokens: who may use the API over TCP. Only a hash of the secret is kept.
CREATE TABLE access_tokens (
    id           INTEGER PRIMARY KEY,
    name         TEXT NOT NULL,
    role         TEXT NOT NULL,
    organization TEXT NOT NULL DEFAULT '', -- realm
    location     TEXT NOT NULL DEFAULT '', -- id
    hash         BLOB NOT NULL UNIQUE,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER,
    revoked_at   INTEGER,
    last_used_at INTEGER
);
-- A name may be used again once its token is revoked.
CREATE UNIQUE INDEX access_tokens_name ON access_tokens (name COLLATE NOCASE) WHERE revoked_at IS NULL;

-- Batches of tickets, as they were made.
CREATE TABLE ticket_batches (
    id          INTEGER PRIMARY KEY,
    location_id INTEGER NOT NULL REFERENCES locations (id),
    created_at  INTEGER NOT NULL,
    created_by  TEXT NOT NULL,
    tickets     INTEGER NOT NULL,
    note        TEXT NOT NULL
);

-- What lets a guest in for a time: tickets, and credentials that portals asked for.
CREATE TABLE passes (
    id           INTEGER PRIMARY KEY,
    location_id  INTEGER NOT NULL REFERENCES locations (id),
    key          TEXT NOT NULL, -- folded user name
    kind         TEXT NOT NULL, -- macwatch.PassKind
    batch_id     INTEGER REFERENCES ticket_batches (id),
    user_name    TEXT NOT NULL,
    password     TEXT NOT NULL, -- in clear: CHAP needs it
    devices      INTEGER NOT NULL, -- how many may use it
    valid_for    INTEGER NOT NULL, -- microseconds from the first use; 0: until expires_at
    use_before   INTEGER, -- no first use from here on
    expires_at   INTEGER, -- the end, whatever the first use
    down         INTEGER NOT NULL, -- bit/s, 0: the Location's
    up           INTEGER NOT NULL,
    room         TEXT NOT NULL,
    user_id      TEXT NOT NULL, -- whom the portal knows the guest as
    note         TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    created_by   TEXT NOT NULL,
    first_use_at INTEGER,
    revoked_at   INTEGER,
    ended_at     INTEGER, -- when it is over at the latest, as far as that is known: for retention
    UNIQUE (location_id, key)
);
CREATE INDEX passes_ended ON passes (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX passes_batch ON passes (batch_id) WHERE batch_id IS NOT NULL;

-- The devices that own a pass, in the order in which they came.
CREATE TABLE pass_devices (
    pass_id INTEGER NOT NULL REFERENCES passes (id) ON DELETE CASCADE,
    mac     INTEGER NOT NULL, -- 0: the NAS named none
    place   INTEGER NOT NULL, -- 1, 2 …
    at      INTEGER NOT NULL,
    PRIMARY KEY (pass_id, mac)
) WITHOUT ROWID;
