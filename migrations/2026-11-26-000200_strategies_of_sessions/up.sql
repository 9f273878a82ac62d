-- What a market trades by in a session, settled once by the first who asks; no version: the operator's settings.
CREATE TABLE session_strategies (
    market text NOT NULL,
    session_date text NOT NULL,
    version integer REFERENCES strategy_versions (seq),
    at_ms integer NOT NULL,
    PRIMARY KEY (market, session_date)
) STRICT;
CREATE TRIGGER session_strategies_stay BEFORE DELETE ON session_strategies
BEGIN SELECT RAISE(ABORT, 'what a session traded by stays'); END;
CREATE TRIGGER session_strategies_are_final BEFORE UPDATE ON session_strategies
BEGIN SELECT RAISE(ABORT, 'what a session traded by is final'); END;

-- The version of the strategy that was in force for a judgement; none: the operator's settings, or a judgement of RiskGuard.
ALTER TABLE decisions ADD COLUMN strategy_version integer;
