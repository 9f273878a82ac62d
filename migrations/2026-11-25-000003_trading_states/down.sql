-- Loses the levels and codes of halts, who released them and why, latches, and limits made stricter at run time. The rows of
-- halts and releases stay.
DROP TABLE limit_changes;
DROP TABLE halt_latches;
DROP INDEX approvals_by_time;
ALTER TABLE releases DROP COLUMN reason;
ALTER TABLE releases DROP COLUMN source;
ALTER TABLE halts DROP COLUMN nonce;
ALTER TABLE halts DROP COLUMN level;
