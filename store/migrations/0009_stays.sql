-- Who stays in which room, for a log-in with room and surname. Erased some days after
-- the departure (licensing.StaySettings).
CREATE TABLE stays (
    location_id INTEGER NOT NULL REFERENCES locations (id),
    id          TEXT NOT NULL, -- the hotel system's, or room/arrival/surname
    room        TEXT NOT NULL, -- normalised
    surname     TEXT NOT NULL,
    arrival     TEXT NOT NULL, -- days, in the Location's zone
    departure   TEXT NOT NULL,
    changed_at  INTEGER NOT NULL,
    PRIMARY KEY (location_id, id)
) WITHOUT ROWID;
CREATE INDEX stays_departure ON stays (location_id, departure);
