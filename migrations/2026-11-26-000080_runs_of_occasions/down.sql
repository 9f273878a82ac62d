-- The last one of each market, date and kind, as it was before.
CREATE TABLE last_occasions (
    market text NOT NULL,
    session_date text NOT NULL,
    kind text NOT NULL CHECK (
        kind IN ('phase', 'slot', 'exits', 'day_closed', 'notice', 'trust', 'listed_days')
    ),
    begins_at_ms integer NOT NULL,
    label text NOT NULL,
    booked_at_ms integer NOT NULL,
    PRIMARY KEY (market, session_date, kind)
) STRICT;
INSERT INTO last_occasions
    SELECT market, session_date, kind, max(begins_at_ms), label, booked_at_ms FROM occasions
    GROUP BY market, session_date, kind;
DROP TABLE occasions;
ALTER TABLE last_occasions RENAME TO occasions;
CREATE TRIGGER occasions_go_forward BEFORE UPDATE ON occasions WHEN NEW.begins_at_ms <= OLD.begins_at_ms
BEGIN SELECT RAISE(ABORT, 'occasions only go forward'); END;
CREATE TRIGGER occasions_stay BEFORE DELETE ON occasions BEGIN SELECT RAISE(ABORT, 'occasions stay'); END;
