-- A verdict more: a stock that RiskGuard lets wait is no candidate.
CREATE TABLE selections_of_all_verdicts (
    market text NOT NULL,
    session_date text NOT NULL,
    symbol text NOT NULL,
    verdict text NOT NULL CHECK (
        verdict IN ('chosen', 'held', 'price', 'restriction', 'min_price', 'movement', 'wait', 'rank', 'history')
    ),
    first_at_ms integer NOT NULL,
    last_at_ms integer NOT NULL,
    slot text NOT NULL,
    evidence text NOT NULL,
    PRIMARY KEY (market, session_date, symbol, verdict)
) STRICT, WITHOUT ROWID;
INSERT INTO selections_of_all_verdicts SELECT * FROM selections;
-- Its index goes with it.
DROP TABLE selections;
ALTER TABLE selections_of_all_verdicts RENAME TO selections;
CREATE INDEX selections_of_stock ON selections (symbol, market, session_date);
