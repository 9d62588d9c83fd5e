-- Times are INTEGER microseconds since 1970, UTC. MACs are INTEGER, 48 bits.
-- Rows that will travel between gateways are appended, never rewritten.

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE organizations (
    id         INTEGER PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE COLLATE NOCASE,
    realm      TEXT NOT NULL UNIQUE COLLATE NOCASE,
    code       TEXT NOT NULL UNIQUE COLLATE NOCASE,
    created_at INTEGER NOT NULL
);

CREATE TABLE locations (
    id              INTEGER PRIMARY KEY,
    code            TEXT NOT NULL UNIQUE COLLATE NOCASE,
    organization_id INTEGER NOT NULL REFERENCES organizations (id),
    name            TEXT NOT NULL,
    sector          TEXT NOT NULL,
    settings        TEXT NOT NULL, -- licensing.Settings as JSON
    created_at      INTEGER NOT NULL
);

CREATE TABLE labs (
    id          INTEGER PRIMARY KEY,
    location_id INTEGER NOT NULL REFERENCES locations (id),
    started_at  INTEGER NOT NULL,
    ends_at     INTEGER NOT NULL
);
CREATE INDEX labs_location ON labs (location_id, started_at);

CREATE TABLE clients (
    id          INTEGER PRIMARY KEY,
    name        TEXT NOT NULL UNIQUE COLLATE NOCASE,
    prefix      TEXT NOT NULL UNIQUE,
    secret      TEXT NOT NULL,
    location_id INTEGER NOT NULL REFERENCES locations (id),
    require_ma  TEXT NOT NULL,
    created_at  INTEGER NOT NULL
);

-- Addresses that have sent a valid Message-Authenticator (require_ma auto).
CREATE TABLE signed_sources (
    client_id INTEGER NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    address   TEXT NOT NULL,
    at        INTEGER NOT NULL,
    PRIMARY KEY (client_id, address)
) WITHOUT ROWID;

CREATE TABLE licenses (
    id                 INTEGER PRIMARY KEY,
    number             TEXT NOT NULL UNIQUE,
    grant_id           TEXT NOT NULL,
    pool_index         INTEGER NOT NULL,
    organization_id    INTEGER NOT NULL REFERENCES organizations (id),
    terms              TEXT NOT NULL, -- licensing.Terms as JSON
    activated_at       INTEGER NOT NULL,
    provisioned_at     INTEGER,
    zone               TEXT NOT NULL DEFAULT '',
    started_at         INTEGER,
    operator_at        INTEGER,
    operator_reason    TEXT NOT NULL DEFAULT '',
    distributor_at     INTEGER,
    distributor_reason TEXT NOT NULL DEFAULT '',
    paused_days        INTEGER NOT NULL DEFAULT 0,
    UNIQUE (grant_id, pool_index)
);

-- Every signed text that was applied, once.
CREATE TABLE orders (
    id         TEXT PRIMARY KEY, -- grant id
    kind       TEXT NOT NULL,
    text       TEXT NOT NULL,
    applied_at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE allotments (
    license_id  INTEGER NOT NULL REFERENCES licenses (id),
    location_id INTEGER NOT NULL REFERENCES locations (id),
    at          INTEGER NOT NULL,
    aps         INTEGER NOT NULL, -- -1: not limited
    rooms       INTEGER NOT NULL,
    PRIMARY KEY (license_id, location_id)
) WITHOUT ROWID;

-- Devices that count for a license, with their earliest counted sighting.
CREATE TABLE counted (
    license_id  INTEGER NOT NULL,
    location_id INTEGER NOT NULL,
    mac         INTEGER NOT NULL,
    first_at    INTEGER NOT NULL, -- event time
    last_at     INTEGER NOT NULL, -- event time, kept exactly only under a count window
    ap          TEXT NOT NULL,
    session     TEXT NOT NULL,
    PRIMARY KEY (license_id, location_id, mac)
) WITHOUT ROWID;

-- How many of them, so that nobody has to count: equals count(*) of counted.
CREATE TABLE counts (
    license_id  INTEGER NOT NULL,
    location_id INTEGER NOT NULL,
    devices     INTEGER NOT NULL,
    PRIMARY KEY (license_id, location_id)
) WITHOUT ROWID;

-- Sightings of licenses with a count window, until the license starts.
CREATE TABLE window_sightings (
    license_id  INTEGER NOT NULL,
    location_id INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    mac         INTEGER NOT NULL,
    ap          TEXT NOT NULL,
    session     TEXT NOT NULL,
    PRIMARY KEY (license_id, location_id, at, mac)
) WITHOUT ROWID;

CREATE TABLE receipts (
    license_id INTEGER PRIMARY KEY REFERENCES licenses (id),
    text       TEXT NOT NULL -- licensing.Receipt as JSON; holds pseudonyms only
);

-- The MACs behind a receipt's pseudonyms; may be erased.
CREATE TABLE receipt_devices (
    license_id INTEGER NOT NULL REFERENCES licenses (id),
    pseudonym  TEXT NOT NULL,
    mac        INTEGER NOT NULL,
    PRIMARY KEY (license_id, pseudonym)
) WITHOUT ROWID;

CREATE TABLE devices (
    location_id INTEGER NOT NULL,
    mac         INTEGER NOT NULL,
    first_seen  INTEGER NOT NULL,
    last_seen   INTEGER NOT NULL,
    reason      TEXT NOT NULL, -- why its latest sighting did not count; empty when it did
    PRIMARY KEY (location_id, mac)
) WITHOUT ROWID;

CREATE TABLE listed_devices (
    location_id INTEGER NOT NULL REFERENCES locations (id),
    kind        TEXT NOT NULL, -- exempt, blocked
    mac         INTEGER NOT NULL,
    note        TEXT NOT NULL,
    at          INTEGER NOT NULL,
    PRIMARY KEY (location_id, kind, mac)
) WITHOUT ROWID;

CREATE TABLE slots (
    id          INTEGER PRIMARY KEY,
    location_id INTEGER NOT NULL REFERENCES locations (id),
    kind        TEXT NOT NULL, -- ap, room
    name        TEXT NOT NULL,
    declared    INTEGER NOT NULL,
    first_seen  INTEGER NOT NULL,
    claimed_at  INTEGER, -- NULL: only observed
    released_at INTEGER,
    UNIQUE (location_id, kind, name)
);

CREATE TABLE slot_aliases (
    location_id INTEGER NOT NULL,
    kind        TEXT NOT NULL,
    alias       TEXT NOT NULL,
    slot_id     INTEGER NOT NULL REFERENCES slots (id) ON DELETE CASCADE,
    PRIMARY KEY (location_id, kind, alias)
) WITHOUT ROWID;

CREATE TABLE sessions (
    id              INTEGER PRIMARY KEY,
    ident           BLOB NOT NULL, -- 16 octets, see macwatch.Ident
    leg             INTEGER NOT NULL,
    prior           INTEGER NOT NULL, -- row of the leg before; 0: none
    location_id     INTEGER NOT NULL,
    client_id       INTEGER NOT NULL,
    nas             TEXT NOT NULL,
    mac             INTEGER NOT NULL, -- 0: the packets held none
    ap              TEXT NOT NULL,
    called_mac      INTEGER NOT NULL,
    ssid            TEXT NOT NULL,
    room            TEXT NOT NULL,
    session_id      TEXT NOT NULL,
    user_name       TEXT NOT NULL,
    calling         TEXT NOT NULL,
    called          TEXT NOT NULL,
    class           BLOB NOT NULL,
    framed_ip       INTEGER NOT NULL,
    started_at      INTEGER NOT NULL,
    begun           INTEGER NOT NULL, -- 1: its Start came, started_at is exact
    updated_at      INTEGER NOT NULL,
    ended_at        INTEGER,
    stopped         INTEGER NOT NULL, -- 1: ended by its own Stop
    input_octets    INTEGER NOT NULL,
    output_octets   INTEGER NOT NULL,
    input_packets   INTEGER NOT NULL,
    output_packets  INTEGER NOT NULL,
    session_time    INTEGER NOT NULL,
    terminate_cause INTEGER NOT NULL,
    lab             INTEGER NOT NULL,
    records         INTEGER NOT NULL, -- distinct accounting records
    keys            BLOB NOT NULL     -- keys of the latest of them, 8 octets each
);
CREATE INDEX sessions_open ON sessions (client_id, nas) WHERE ended_at IS NULL;
CREATE INDEX sessions_ended ON sessions (ended_at) WHERE ended_at IS NOT NULL;

-- Which rows hold which sessions, for all but the latest rows: see identity.go.
CREATE TABLE session_index (
    id   INTEGER PRIMARY KEY, -- generation * 192 + slice
    body BLOB NOT NULL
);

-- The latest states of sessions and of devices that have not been written to their rows
-- yet: a row for each committed batch, see image.go.
CREATE TABLE journal (
    id   INTEGER PRIMARY KEY,
    body BLOB NOT NULL
);
CREATE TABLE device_journal (
    id   INTEGER PRIMARY KEY,
    body BLOB NOT NULL
);

-- Accounting-On and Accounting-Off, each once.
CREATE TABLE nas_events (
    id          INTEGER PRIMARY KEY,
    client_id   INTEGER NOT NULL,
    nas         TEXT NOT NULL,
    key         BLOB NOT NULL, -- tells repeats: session identity and record key
    status      INTEGER NOT NULL,
    called_mac  INTEGER NOT NULL,
    event_at    INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL
);
CREATE INDEX nas_events_key ON nas_events (key);

-- What policy ignores is kept as it came; with keep_raw, everything.
CREATE TABLE raw_records (
    id          INTEGER PRIMARY KEY,
    client_id   INTEGER NOT NULL,
    location_id INTEGER NOT NULL,
    key         BLOB, -- NULL when the record also has its effect elsewhere (keep_raw)
    status      INTEGER NOT NULL,
    reason      TEXT NOT NULL,
    event_at    INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    packet      BLOB NOT NULL
);
CREATE INDEX raw_records_key ON raw_records (key) WHERE key IS NOT NULL;

CREATE TABLE accounts (
    location_id INTEGER NOT NULL REFERENCES locations (id),
    user_name   TEXT NOT NULL, -- lower case
    password    TEXT NOT NULL, -- clear: CHAP needs it
    expires_at  INTEGER,
    note        TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    PRIMARY KEY (location_id, user_name)
) WITHOUT ROWID;

CREATE TABLE mac_inputs (
    location_id INTEGER NOT NULL REFERENCES locations (id),
    mac         INTEGER NOT NULL,
    expires_at  INTEGER,
    note        TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    PRIMARY KEY (location_id, mac)
) WITHOUT ROWID;

-- Append-only and chained: link = HMAC-SHA256(key, previous link, entry).
CREATE TABLE audit (
    seq     INTEGER PRIMARY KEY,
    at      INTEGER NOT NULL,
    actor   TEXT NOT NULL,
    action  TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail  TEXT NOT NULL, -- JSON
    link    BLOB NOT NULL
);
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT raise(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT raise(ABORT, 'the audit log is append-only'); END;
