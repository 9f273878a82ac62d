ALTER TABLE intents DROP COLUMN shown_at_ms;
