-- What `ap list` and `room list` show beside the slot itself. Times are written late, see sight.go.
ALTER TABLE slots ADD COLUMN note TEXT NOT NULL DEFAULT '';
ALTER TABLE slots ADD COLUMN vendor TEXT NOT NULL DEFAULT '';      -- macwatch.Vendor by whose profile it was read first
ALTER TABLE slots ADD COLUMN nas_address TEXT NOT NULL DEFAULT '';
ALTER TABLE slots ADD COLUMN apart INTEGER NOT NULL DEFAULT 0;     -- 1: an operator has said that it is no other's BSSID
ALTER TABLE slots ADD COLUMN last_seen INTEGER NOT NULL DEFAULT 0; -- 0: never
ALTER TABLE slots ADD COLUMN refused_at INTEGER NOT NULL DEFAULT 0;

ALTER TABLE slot_aliases ADD COLUMN learned TEXT NOT NULL DEFAULT ''; -- macwatch.Vendor by whose rule; '': an operator gave it
ALTER TABLE slot_aliases ADD COLUMN at INTEGER NOT NULL DEFAULT 0;    -- when it was learned
