-- Which device counts for a guest, under licenses that count the private addresses of one
-- guest once. The guest is a keyed hash of the user name.
CREATE TABLE counted_guests (
    license_id  INTEGER NOT NULL,
    location_id INTEGER NOT NULL,
    guest       BLOB NOT NULL,
    mac         INTEGER NOT NULL,
    PRIMARY KEY (license_id, location_id, guest)
) WITHOUT ROWID;
