-- Signs Disconnect-Requests to the NAS of a client; empty: its secret does.
ALTER TABLE clients ADD COLUMN disconnect_secret TEXT NOT NULL DEFAULT '';

-- Guest accounts and MAC inputs that were removed, for a week: whoever came by one before
-- must go, also when the gateway was stopped in between.
CREATE TABLE retired_guests (
    location_id INTEGER NOT NULL REFERENCES locations (id),
    user_name   TEXT NOT NULL, -- of an account; else empty
    mac         INTEGER NOT NULL, -- of a MAC input; else 0
    at          INTEGER NOT NULL,
    PRIMARY KEY (location_id, user_name, mac)
) WITHOUT ROWID;
