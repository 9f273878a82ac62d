-- A draft is followed on paper beside the incumbent, on days that had not happened when it was found. Nothing here is ever
-- changed or deleted.
CREATE TABLE shadow_plans (
    proposal integer PRIMARY KEY NOT NULL REFERENCES evolution_proposals (number),
    -- Only sessions after this one count.
    after_day text NOT NULL,
    expires text NOT NULL CHECK (expires > after_day),
    seed integer NOT NULL
) STRICT;

-- What both earned after costs, in billionths of their equity.
CREATE TABLE shadow_sessions (
    proposal integer NOT NULL REFERENCES shadow_plans (proposal),
    session_date text NOT NULL,
    challenger_ppb integer NOT NULL,
    incumbent_ppb integer NOT NULL,
    decisions integer NOT NULL CHECK (decisions >= 0),
    PRIMARY KEY (proposal, session_date)
) STRICT;

CREATE TABLE shadow_verdicts (
    proposal integer PRIMARY KEY NOT NULL REFERENCES shadow_plans (proposal),
    passed integer NOT NULL CHECK (passed IN (0, 1)),
    evidence text NOT NULL,
    at_ms integer NOT NULL
) STRICT;

-- A cycle drafts one proposal.
CREATE UNIQUE INDEX evolution_proposals_of_cycle ON evolution_proposals (cycle_seq) WHERE cycle_seq IS NOT NULL;

CREATE TRIGGER shadow_plans_stay BEFORE DELETE ON shadow_plans
BEGIN SELECT RAISE(ABORT, 'what evolution did stays'); END;
CREATE TRIGGER shadow_plans_are_final BEFORE UPDATE ON shadow_plans
BEGIN SELECT RAISE(ABORT, 'what evolution did is final'); END;
CREATE TRIGGER shadow_sessions_stay BEFORE DELETE ON shadow_sessions
BEGIN SELECT RAISE(ABORT, 'what evolution did stays'); END;
CREATE TRIGGER shadow_sessions_are_final BEFORE UPDATE ON shadow_sessions
BEGIN SELECT RAISE(ABORT, 'what evolution did is final'); END;
CREATE TRIGGER shadow_verdicts_stay BEFORE DELETE ON shadow_verdicts
BEGIN SELECT RAISE(ABORT, 'what evolution did stays'); END;
CREATE TRIGGER shadow_verdicts_are_final BEFORE UPDATE ON shadow_verdicts
BEGIN SELECT RAISE(ABORT, 'what evolution did is final'); END;
