-- What a day of the account in won began with, by Korean date: the equity of each currency, and won for one unit of it by
-- the rate that the whole day is judged at. The first row of a currency stays.
CREATE TABLE won_day_starts (
    session_date text NOT NULL,
    currency text NOT NULL,
    equity_micros integer NOT NULL,
    won_per_unit_micros integer NOT NULL CHECK (won_per_unit_micros > 0),
    posted_on text NOT NULL,
    at_ms integer NOT NULL,
    PRIMARY KEY (session_date, currency)
) STRICT;
