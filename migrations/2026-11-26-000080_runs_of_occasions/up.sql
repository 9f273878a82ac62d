-- Not only the last occasion of its market, date and kind, but each: a clock that ran ahead and was set right would otherwise
-- stand in the way of all until time catches up. Those that follow each other at once share a row, so that a session
-- looked at each minute has a few: `first_ms` is where such a run begins, `begins_at_ms` its last one.
CREATE TABLE runs_of_occasions (
    market text NOT NULL,
    session_date text NOT NULL,
    kind text NOT NULL CHECK (
        kind IN ('phase', 'slot', 'exits', 'day_closed', 'notice', 'trust', 'listed_days')
    ),
    first_ms integer NOT NULL,
    begins_at_ms integer NOT NULL CHECK (begins_at_ms >= first_ms),
    label text NOT NULL,
    booked_at_ms integer NOT NULL,
    PRIMARY KEY (market, session_date, kind, first_ms)
) STRICT;
INSERT INTO runs_of_occasions
    SELECT market, session_date, kind, begins_at_ms, begins_at_ms, label, booked_at_ms FROM occasions;
-- Its triggers go with it.
DROP TABLE occasions;
ALTER TABLE runs_of_occasions RENAME TO occasions;
CREATE TRIGGER occasions_go_forward BEFORE UPDATE ON occasions
WHEN NEW.begins_at_ms <= OLD.begins_at_ms OR NEW.first_ms <> OLD.first_ms
BEGIN SELECT RAISE(ABORT, 'occasions only go forward'); END;
CREATE TRIGGER occasions_stay BEFORE DELETE ON occasions BEGIN SELECT RAISE(ABORT, 'occasions stay'); END;
