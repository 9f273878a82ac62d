-- Proposals that nobody approved but the limit that the operator set, and that limit as it was then.
CREATE TABLE limit_approvals (
    change_seq integer PRIMARY KEY NOT NULL REFERENCES evolution_changes (seq),
    limit_set text NOT NULL,
    at_ms integer NOT NULL
) STRICT;
CREATE TRIGGER limit_approvals_stay BEFORE DELETE ON limit_approvals
BEGIN SELECT RAISE(ABORT, 'what evolution did stays'); END;
CREATE TRIGGER limit_approvals_are_final BEFORE UPDATE ON limit_approvals
BEGIN SELECT RAISE(ABORT, 'what evolution did is final'); END;
