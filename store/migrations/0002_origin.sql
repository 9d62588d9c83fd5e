-- macwatch.ClientSettings as JSON.
ALTER TABLE clients ADD COLUMN settings TEXT NOT NULL DEFAULT '{}';

-- macwatch.Origin, see image.go. Empty in rows of before.
ALTER TABLE sessions ADD COLUMN origin BLOB NOT NULL DEFAULT x'';
