-- What the Optimizer tried, what it kept, which days it has looked at, what it proposed and what became of that. Nothing here is
-- ever changed or deleted; where something moves on, a row is added.
CREATE TABLE evolution_cycles (
    seq integer PRIMARY KEY NOT NULL,
    market text NOT NULL,
    session_date text NOT NULL,
    seed integer NOT NULL,
    began_at_ms integer NOT NULL,
    UNIQUE (market, session_date)
) STRICT;
CREATE TABLE evolution_cycle_ends (
    cycle_seq integer PRIMARY KEY NOT NULL REFERENCES evolution_cycles (seq),
    outcome text NOT NULL,
    champion text,
    at_ms integer NOT NULL
) STRICT;

-- Every trial that was ever made, those too that failed. A specification is tried once in a market.
CREATE TABLE trials (
    seq integer PRIMARY KEY NOT NULL,
    cycle_seq integer NOT NULL REFERENCES evolution_cycles (seq),
    position integer NOT NULL CHECK (position >= 0),
    market text NOT NULL,
    hash text NOT NULL CHECK (length(hash) = 64),
    parent text,
    origin text NOT NULL,
    strategy text NOT NULL,
    killed_by text,
    -- Of one observation, not of a year, in millionths; none where nothing was measured.
    sharpe_micros integer CHECK (abs(sharpe_micros) <= 1000000000),
    observations integer NOT NULL CHECK (observations >= 0),
    evidence text NOT NULL,
    at_ms integer NOT NULL,
    UNIQUE (market, hash),
    UNIQUE (cycle_seq, position)
) STRICT;

-- The best of each niche, as it was found; the newest of a niche holds.
CREATE TABLE archive_changes (
    seq integer PRIMARY KEY NOT NULL,
    market text NOT NULL,
    niche text NOT NULL,
    trial_seq integer NOT NULL UNIQUE REFERENCES trials (seq),
    fitness_micros integer NOT NULL
) STRICT;
CREATE INDEX archive_changes_of_niche ON archive_changes (market, niche, seq);
CREATE VIEW elites AS
SELECT change.market, change.niche, change.trial_seq, change.fitness_micros
FROM archive_changes AS change
WHERE change.seq = (SELECT max(seq) FROM archive_changes WHERE market = change.market AND niche = change.niche);

-- Days that a champion was judged by. They are spent before they are looked at, once and for all.
CREATE TABLE sealed_windows (
    seq integer PRIMARY KEY NOT NULL,
    cycle_seq integer NOT NULL UNIQUE REFERENCES evolution_cycles (seq),
    market text NOT NULL,
    number integer NOT NULL CHECK (number >= 1),
    first_day text NOT NULL,
    last_day text NOT NULL CHECK (last_day >= first_day),
    champion text NOT NULL,
    at_ms integer NOT NULL,
    UNIQUE (market, number)
) STRICT;
CREATE TABLE sealed_verdicts (
    window_seq integer PRIMARY KEY NOT NULL REFERENCES sealed_windows (seq),
    passed integer NOT NULL CHECK (passed IN (0, 1)),
    evidence text NOT NULL,
    at_ms integer NOT NULL
) STRICT;

CREATE TABLE evolution_proposals (
    number integer PRIMARY KEY NOT NULL,
    cycle_seq integer REFERENCES evolution_cycles (seq),
    market text NOT NULL,
    name text NOT NULL,
    hypothesis text NOT NULL,
    hash text NOT NULL CHECK (length(hash) = 64),
    strategy text NOT NULL,
    incumbent text,
    evidence text NOT NULL,
    at_ms integer NOT NULL
) STRICT;
CREATE TABLE evolution_changes (
    seq integer PRIMARY KEY NOT NULL,
    proposal integer NOT NULL REFERENCES evolution_proposals (number),
    status text NOT NULL,
    by_whom text NOT NULL,
    reason text NOT NULL,
    at_ms integer NOT NULL,
    event_id integer NOT NULL REFERENCES events (id)
) STRICT;
CREATE INDEX evolution_changes_of_proposal ON evolution_changes (proposal, seq);

-- What each market trades by; the newest row holds. Without a strategy: what the operator's settings say.
CREATE TABLE strategy_versions (
    seq integer PRIMARY KEY NOT NULL,
    market text NOT NULL,
    proposal integer REFERENCES evolution_proposals (number),
    strategy text,
    -- What held before it.
    replaces integer REFERENCES strategy_versions (seq),
    change_seq integer NOT NULL REFERENCES evolution_changes (seq),
    at_ms integer NOT NULL,
    CHECK ((proposal IS NULL) = (strategy IS NULL))
) STRICT;
CREATE INDEX strategy_versions_of_market ON strategy_versions (market, seq);

CREATE TRIGGER evolution_cycles_stay BEFORE DELETE ON evolution_cycles
BEGIN SELECT RAISE(ABORT, 'what evolution did stays'); END;
CREATE TRIGGER evolution_cycles_are_final BEFORE UPDATE ON evolution_cycles
BEGIN SELECT RAISE(ABORT, 'what evolution did is final'); END;
CREATE TRIGGER evolution_cycle_ends_stay BEFORE DELETE ON evolution_cycle_ends
BEGIN SELECT RAISE(ABORT, 'what evolution did stays'); END;
CREATE TRIGGER evolution_cycle_ends_are_final BEFORE UPDATE ON evolution_cycle_ends
BEGIN SELECT RAISE(ABORT, 'what evolution did is final'); END;
CREATE TRIGGER trials_stay BEFORE DELETE ON trials
BEGIN SELECT RAISE(ABORT, 'what evolution did stays'); END;
CREATE TRIGGER trials_are_final BEFORE UPDATE ON trials
BEGIN SELECT RAISE(ABORT, 'what evolution did is final'); END;
CREATE TRIGGER archive_changes_stay BEFORE DELETE ON archive_changes
BEGIN SELECT RAISE(ABORT, 'what evolution did stays'); END;
CREATE TRIGGER archive_changes_are_final BEFORE UPDATE ON archive_changes
BEGIN SELECT RAISE(ABORT, 'what evolution did is final'); END;
CREATE TRIGGER sealed_windows_stay BEFORE DELETE ON sealed_windows
BEGIN SELECT RAISE(ABORT, 'what evolution did stays'); END;
CREATE TRIGGER sealed_windows_are_final BEFORE UPDATE ON sealed_windows
BEGIN SELECT RAISE(ABORT, 'what evolution did is final'); END;
CREATE TRIGGER sealed_verdicts_stay BEFORE DELETE ON sealed_verdicts
BEGIN SELECT RAISE(ABORT, 'what evolution did stays'); END;
CREATE TRIGGER sealed_verdicts_are_final BEFORE UPDATE ON sealed_verdicts
BEGIN SELECT RAISE(ABORT, 'what evolution did is final'); END;
CREATE TRIGGER evolution_proposals_stay BEFORE DELETE ON evolution_proposals
BEGIN SELECT RAISE(ABORT, 'what evolution did stays'); END;
CREATE TRIGGER evolution_proposals_are_final BEFORE UPDATE ON evolution_proposals
BEGIN SELECT RAISE(ABORT, 'what evolution did is final'); END;
CREATE TRIGGER evolution_changes_stay BEFORE DELETE ON evolution_changes
BEGIN SELECT RAISE(ABORT, 'what evolution did stays'); END;
CREATE TRIGGER evolution_changes_are_final BEFORE UPDATE ON evolution_changes
BEGIN SELECT RAISE(ABORT, 'what evolution did is final'); END;
CREATE TRIGGER strategy_versions_stay BEFORE DELETE ON strategy_versions
BEGIN SELECT RAISE(ABORT, 'what evolution did stays'); END;
CREATE TRIGGER strategy_versions_are_final BEFORE UPDATE ON strategy_versions
BEGIN SELECT RAISE(ABORT, 'what evolution did is final'); END;
