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
    paused_since       INTEGER, -- the contract clock stands still
    distributor_order  TEXT NOT NULL DEFAULT '',
    started_by         TEXT NOT NULL DEFAULT '', -- licensing.StartCause
    proposed_at        INTEGER, -- a start waits for an operator's word
    proposed_start     INTEGER,
    undone_at          INTEGER,
    declined_at        INTEGER,
    held_until         INTEGER,
    confirmed_until    TEXT NOT NULL DEFAULT '',   -- a day
    renewals           TEXT NOT NULL DEFAULT '[]', -- licensing.Term as JSON, in their order
    sequence           INTEGER NOT NULL DEFAULT 0, -- of the latest order applied
    partner            TEXT NOT NULL DEFAULT '', -- id of the one that took it over
    hop                INTEGER NOT NULL DEFAULT 0, -- how often it has gone from gateway to gateway
    released_at        INTEGER, -- it has left this gateway
    released_to        TEXT NOT NULL DEFAULT '',
    UNIQUE (grant_id, pool_index)
);

-- Every signed text that was applied, once.
CREATE TABLE orders (
    id         TEXT PRIMARY KEY, -- grant id, order id
    kind       TEXT NOT NULL,
    text       TEXT NOT NULL,
    applied_at INTEGER NOT NULL,
    license    TEXT NOT NULL DEFAULT '', -- number; empty: a grant or a clock-reset
    sequence   INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE UNIQUE INDEX orders_sequence ON orders (license, sequence) WHERE license <> '';

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

-- Start receipts. One that is void tells of a start that was taken back.
CREATE TABLE receipts (
    id         INTEGER PRIMARY KEY,
    license_id INTEGER NOT NULL REFERENCES licenses (id),
    text       TEXT NOT NULL, -- licensing.Receipt as JSON; holds pseudonyms only
    void       TEXT NOT NULL DEFAULT '' -- '', undone, withdrawn
);
CREATE UNIQUE INDEX receipts_license ON receipts (license_id) WHERE void = '';

-- The sightings that a proposed start rests on.
CREATE TABLE proposed_sightings (
    license_id  INTEGER NOT NULL REFERENCES licenses (id),
    location_id INTEGER NOT NULL REFERENCES locations (id),
    mac         INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    ap          TEXT NOT NULL,
    session     TEXT NOT NULL,
    PRIMARY KEY (license_id, mac)
) WITHOUT ROWID;

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

-- What people may want to be told of, written in the transaction that causes it.
CREATE TABLE outbox (
    seq          INTEGER PRIMARY KEY,
    id           TEXT NOT NULL UNIQUE,
    kind         TEXT NOT NULL,
    at           INTEGER NOT NULL,
    license      TEXT NOT NULL,
    location     TEXT NOT NULL,
    data         TEXT NOT NULL, -- JSON
    ladder_id    INTEGER REFERENCES ladders (id), -- of the notices of an end
    state        TEXT NOT NULL DEFAULT '', -- '', superseded, cancelled: sent to nobody
    reason       TEXT NOT NULL DEFAULT '', -- why
    addressed_at INTEGER, -- NULL: not handed out to the recipients yet
    context      TEXT -- licensing.Context as JSON, as it stood then
);
CREATE INDEX outbox_new ON outbox (seq) WHERE addressed_at IS NULL;
CREATE INDEX outbox_ladder ON outbox (ladder_id) WHERE ladder_id IS NOT NULL;

-- The ends that each license has had: each begins the ladder of notices anew.
CREATE TABLE ladders (
    id         INTEGER PRIMARY KEY,
    license_id INTEGER NOT NULL REFERENCES licenses (id),
    turn       INTEGER NOT NULL, -- 1, 2, 3 … per license
    last_day   TEXT NOT NULL,    -- empty: no end is known any more
    ends_at    INTEGER NOT NULL,
    armed_at   INTEGER NOT NULL, -- when this end became known
    UNIQUE (license_id, turn)
);

CREATE TABLE recipients (
    id           INTEGER PRIMARY KEY,
    name         TEXT NOT NULL COLLATE NOCASE,
    channel      TEXT NOT NULL, -- email, webhook
    address      TEXT NOT NULL,
    language     TEXT NOT NULL,
    organization TEXT NOT NULL COLLATE NOCASE, -- its realm; empty: all
    license      TEXT NOT NULL, -- empty: all
    kinds        TEXT NOT NULL, -- JSON; []: all
    secret       TEXT NOT NULL, -- of a webhook
    old_secret   TEXT NOT NULL DEFAULT '',
    old_until    INTEGER, -- until then the old secret signs as well
    off_reason   TEXT NOT NULL DEFAULT '', -- why nothing is sent to it
    created_at   INTEGER NOT NULL,
    removed_at   INTEGER -- the row stays: the ledger names it
);
CREATE UNIQUE INDEX recipients_name ON recipients (name) WHERE removed_at IS NULL;

-- The ledger: each event to each recipient once, whatever becomes of it.
CREATE TABLE deliveries (
    id           TEXT PRIMARY KEY, -- licensing.DeliveryID
    outbox_seq   INTEGER NOT NULL REFERENCES outbox (seq),
    recipient_id INTEGER NOT NULL REFERENCES recipients (id),
    state        TEXT NOT NULL, -- waiting, sending, sent, failed, superseded, cancelled
    stop         TEXT NOT NULL DEFAULT '', -- what a failing attempt under way ends in
    reason       TEXT NOT NULL,
    next_at      INTEGER, -- of waiting ones; NULL: until the next start
    tries        INTEGER NOT NULL DEFAULT 0, -- in the present round; a replay begins another
    UNIQUE (outbox_seq, recipient_id)
) WITHOUT ROWID;
CREATE INDEX deliveries_open ON deliveries (next_at) WHERE state IN ('waiting', 'sending');

CREATE TABLE attempts (
    delivery_id TEXT NOT NULL REFERENCES deliveries (id),
    number      INTEGER NOT NULL, -- 1, 2, 3 …
    at          INTEGER NOT NULL,
    result      TEXT NOT NULL, -- empty: under way
    answer      TEXT NOT NULL,
    PRIMARY KEY (delivery_id, number)
) WITHOUT ROWID;

CREATE TABLE partners (
    id         INTEGER PRIMARY KEY,
    partner_id TEXT NOT NULL UNIQUE COLLATE NOCASE,
    name       TEXT NOT NULL UNIQUE COLLATE NOCASE,
    secret     TEXT NOT NULL, -- clear: proofs are made with it
    created_at INTEGER NOT NULL
);

-- Licenses on their way from partner to partner. Whoever took it over last holds it.
CREATE TABLE transfers (
    id           TEXT PRIMARY KEY, -- of the request, or of the distributor's order
    license_id   INTEGER NOT NULL REFERENCES licenses (id),
    turn         INTEGER NOT NULL, -- 1, 2, 3 … per license
    giver        TEXT NOT NULL, -- partner ids
    receiver     TEXT NOT NULL,
    state        TEXT NOT NULL, -- licensing.TransferState; what has expired may still be pending here
    requested_at INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    decided_at   INTEGER,
    reason       TEXT NOT NULL,
    UNIQUE (license_id, turn)
) WITHOUT ROWID;

-- Licenses on their way from gateway to gateway: what has come, and what has left.
CREATE TABLE moves (
    license_id   INTEGER NOT NULL REFERENCES licenses (id),
    hop          INTEGER NOT NULL, -- 1, 2, 3 … over all gateways
    from_gateway TEXT NOT NULL, -- empty: by an order, from one that is dead
    to_gateway   TEXT NOT NULL,
    at           INTEGER NOT NULL, -- when this gateway let it go, or took it
    text         TEXT NOT NULL, -- the signed release, without its facts, or the order
    PRIMARY KEY (license_id, hop)
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
-- For `license history`.
CREATE INDEX audit_subject ON audit (subject, seq);
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT raise(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT raise(ABORT, 'the audit log is append-only'); END;
