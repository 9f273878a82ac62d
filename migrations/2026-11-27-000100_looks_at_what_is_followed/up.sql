-- After each close, of each proposal that is followed: the newest session that could be judged.
CREATE TABLE watch_looks (
    proposal integer NOT NULL REFERENCES evolution_proposals (number),
    session_date text NOT NULL,
    seen_until text NOT NULL,
    at_ms integer NOT NULL,
    PRIMARY KEY (proposal, session_date)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER watch_looks_stay BEFORE DELETE ON watch_looks
BEGIN SELECT RAISE(ABORT, 'what evolution did stays'); END;
CREATE TRIGGER watch_looks_are_final BEFORE UPDATE ON watch_looks
BEGIN SELECT RAISE(ABORT, 'what evolution did is final'); END;
