-- What a closed day taught, once a day however often its end is told.
CREATE TABLE day_reports (
    market text NOT NULL,
    session_date text NOT NULL,
    event_id integer NOT NULL REFERENCES events (id),
    PRIMARY KEY (market, session_date)
) STRICT;
