-- Which rows of a database of the Python original stand in `trades` already: the same row is never taken twice.
CREATE TABLE imported_trades (
    source_id integer NOT NULL,
    timestamp text NOT NULL,
    stock_code text NOT NULL,
    action text NOT NULL,
    trade_id integer NOT NULL REFERENCES trades (id),
    at_ms integer NOT NULL,
    PRIMARY KEY (source_id, timestamp, stock_code, action)
) STRICT;
