-- What the NAS calls an open session and its guest, sealed, where addresses are not kept
-- (mac_storage: hmac): see box.go. Empty otherwise.
ALTER TABLE sessions ADD COLUMN sealed BLOB NOT NULL DEFAULT x'';
