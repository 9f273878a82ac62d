-- What the breaker has done on a day: of one currency, or of the whole account in won (`in_won`). A halt stands in its own table;
-- this is what remains of it after a person has lifted it, so that no restart repeats it, and of a loss that lets exits only
-- through until the day is over.
CREATE TABLE breaker_trips (
    account text NOT NULL,
    session_date text NOT NULL,
    wire text NOT NULL CHECK (wire IN ('halting', 'reducing')),
    at_ms integer NOT NULL,
    PRIMARY KEY (account, session_date, wire)
) STRICT;
CREATE TRIGGER breaker_trips_stay BEFORE DELETE ON breaker_trips
BEGIN SELECT RAISE(ABORT, 'what the breaker has done stays'); END;
CREATE TRIGGER breaker_trips_are_final BEFORE UPDATE ON breaker_trips
BEGIN SELECT RAISE(ABORT, 'what the breaker has done is final'); END;
-- The highest price of a holding that was heard since it was bought, for its trailing stop. `since_ms` tells which purchase.
CREATE TABLE exit_peaks (
    market text NOT NULL,
    symbol text NOT NULL,
    since_ms integer NOT NULL,
    peak_micros integer NOT NULL CHECK (peak_micros > 0),
    at_ms integer NOT NULL,
    PRIMARY KEY (market, symbol)
) STRICT;
