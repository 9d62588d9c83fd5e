-- What a client's packets have shown of its make (vendor auto), and how surely.
ALTER TABLE clients ADD COLUMN detected TEXT NOT NULL DEFAULT '';
ALTER TABLE clients ADD COLUMN detected_by INTEGER NOT NULL DEFAULT 0;
