-- What MarketClock told, written down before it was acted on: the last occasion of each market, session date and kind.
CREATE TABLE occasions (
    market text NOT NULL,
    session_date text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('phase', 'slot', 'exits', 'day_closed', 'notice')),
    begins_at_ms integer NOT NULL,
    label text NOT NULL,
    booked_at_ms integer NOT NULL,
    PRIMARY KEY (market, session_date, kind)
) STRICT;
-- Occasions only go forward: what has happened does not happen again.
CREATE TRIGGER occasions_go_forward BEFORE UPDATE ON occasions WHEN NEW.begins_at_ms <= OLD.begins_at_ms
BEGIN SELECT RAISE(ABORT, 'occasions only go forward'); END;
CREATE TRIGGER occasions_stay BEFORE DELETE ON occasions BEGIN SELECT RAISE(ABORT, 'occasions stay'); END;
