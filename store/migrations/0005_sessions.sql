-- What stale closing and counters of 32 bits need; how many devices an account may have
-- online at once.
ALTER TABLE sessions ADD COLUMN gigawords INTEGER NOT NULL DEFAULT 0; -- 1: its NAS sends them
ALTER TABLE sessions ADD COLUMN heard_at INTEGER NOT NULL DEFAULT 0;  -- arrival of its latest record
ALTER TABLE sessions ADD COLUMN gap INTEGER NOT NULL DEFAULT 0;       -- seconds: the longest between two reports
ALTER TABLE accounts ADD COLUMN sessions INTEGER NOT NULL DEFAULT 0;  -- devices online at once; 0: as the Location says

-- The open sessions in order of their rows. It changes when a session's row is opened and
-- closed, which folding does, never with a record.
CREATE INDEX sessions_open_id ON sessions (id) WHERE ended_at IS NULL;
