-- When a list of the exchange last showed something new of an intent: a person's word that there is nothing of it, or nothing
-- more, counts only if it is younger.
ALTER TABLE intents ADD COLUMN shown_at_ms INTEGER;
