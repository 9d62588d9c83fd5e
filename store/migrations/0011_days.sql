-- What each Location's days were like (macwatch.Day as JSON): no addresses, kept for good.
CREATE TABLE days (
    location_id INTEGER NOT NULL REFERENCES locations (id),
    day         TEXT NOT NULL,
    final       INTEGER NOT NULL, -- 0: to be reckoned up once more, when late accounting has come
    body        TEXT NOT NULL,
    PRIMARY KEY (location_id, day)
) WITHOUT ROWID;
