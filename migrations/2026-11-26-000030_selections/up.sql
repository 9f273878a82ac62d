-- What became of each stock that a scan considered: one row per session and verdict, with the numbers of the last time.
CREATE TABLE selections (
    market text NOT NULL,
    session_date text NOT NULL,
    symbol text NOT NULL,
    verdict text NOT NULL CHECK (
        verdict IN ('chosen', 'held', 'price', 'restriction', 'min_price', 'movement', 'rank', 'history')
    ),
    first_at_ms integer NOT NULL,
    last_at_ms integer NOT NULL,
    slot text NOT NULL,
    evidence text NOT NULL,
    PRIMARY KEY (market, session_date, symbol, verdict)
) STRICT, WITHOUT ROWID;

CREATE INDEX net_shares_by_time ON net_shares (market, last_fill_ms);
