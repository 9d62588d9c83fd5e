-- NASes that send Interim-Updates, each once, and when that was last noted: sessions of the
-- others are not taken for over because they are silent.
CREATE TABLE reporters (
    client_id   INTEGER NOT NULL,
    nas         TEXT NOT NULL,
    reported_at INTEGER NOT NULL,
    PRIMARY KEY (client_id, nas)
) WITHOUT ROWID;
