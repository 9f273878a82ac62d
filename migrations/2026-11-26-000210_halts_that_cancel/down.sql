ALTER TABLE halts DROP COLUMN cancel_open;
