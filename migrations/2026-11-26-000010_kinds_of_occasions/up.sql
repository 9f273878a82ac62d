-- Two more kinds of occasions: how far a day may be traded upon, and the broker's own list of days.
CREATE TABLE occasions_of_all_kinds (
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
INSERT INTO occasions_of_all_kinds SELECT * FROM occasions;
-- Its triggers go with it.
DROP TABLE occasions;
ALTER TABLE occasions_of_all_kinds RENAME TO occasions;
CREATE TRIGGER occasions_go_forward BEFORE UPDATE ON occasions WHEN NEW.begins_at_ms <= OLD.begins_at_ms
BEGIN SELECT RAISE(ABORT, 'occasions only go forward'); END;
CREATE TRIGGER occasions_stay BEFORE DELETE ON occasions BEGIN SELECT RAISE(ABORT, 'occasions stay'); END;
