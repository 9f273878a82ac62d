-- What may go once it is old: looks, not truth. How far each table was gone through, and how many rows went. The triggers hold
-- what no setting can undercut: nothing of the last thirty days before the newest event goes, and no judgement but a HOLD.
CREATE TABLE retention_marks (
    name text NOT NULL,
    -- A market's code where a table is gone through by market and day, else empty.
    part text NOT NULL,
    -- The last id that was looked at, or the last day, in days since the year 1.
    through integer NOT NULL,
    dropped integer NOT NULL CHECK (dropped >= 0),
    PRIMARY KEY (name, part)
) STRICT;
CREATE TRIGGER retention_marks_go_forward BEFORE UPDATE ON retention_marks
WHEN NEW.through <= OLD.through OR NEW.dropped < OLD.dropped
BEGIN SELECT RAISE(ABORT, 'retention marks only go forward'); END;

DROP TRIGGER events_stay;
CREATE TRIGGER events_stay BEFORE DELETE ON events
WHEN OLD.kind NOT IN ('decision', 'refusal', 'session', 'process')
    OR OLD.at_ms > (SELECT at_ms FROM events ORDER BY id DESC LIMIT 1) - 2592000000
BEGIN SELECT RAISE(ABORT, 'events stay'); END;

CREATE TRIGGER decisions_stay BEFORE DELETE ON decisions
WHEN OLD.action <> 'HOLD'
    OR OLD.at_ms > coalesce((SELECT at_ms FROM events ORDER BY id DESC LIMIT 1), 0) - 2592000000
BEGIN SELECT RAISE(ABORT, 'judgements stay'); END;

DROP TRIGGER decision_bases_stay;
CREATE TRIGGER decision_bases_stay BEFORE DELETE ON decision_bases
WHEN NOT EXISTS (
    SELECT 1 FROM decisions
    WHERE id = OLD.decision_id AND action = 'HOLD'
        AND at_ms <= coalesce((SELECT at_ms FROM events ORDER BY id DESC LIMIT 1), 0) - 2592000000
)
BEGIN SELECT RAISE(ABORT, 'what a judgement rests on stays'); END;

-- Of an old call the texts may go; that it was made, and what it took, stays.
DROP TRIGGER consultations_never_change;
CREATE TRIGGER consultations_never_change BEFORE UPDATE ON consultations
WHEN OLD.asked_at_ms > coalesce((SELECT at_ms FROM events ORDER BY id DESC LIMIT 1), 0) - 2592000000
    OR NEW.system <> '' OR NEW.prompt <> '' OR coalesce(NEW.reply, '') <> ''
    OR (NEW.quota_date, NEW.purpose, NEW.session_date, NEW.slot, NEW.stocks, NEW.threshold, NEW.prompt_version,
        NEW.asked_model, NEW.asked_at_ms, NEW.latency_ms, NEW.reply_bytes, NEW.model, NEW.response_id, NEW.input_tokens,
        NEW.output_tokens, NEW.total_tokens, NEW.failure, NEW.rests_until_ms)
    IS NOT (OLD.quota_date, OLD.purpose, OLD.session_date, OLD.slot, OLD.stocks, OLD.threshold, OLD.prompt_version,
        OLD.asked_model, OLD.asked_at_ms, OLD.latency_ms, OLD.reply_bytes, OLD.model, OLD.response_id, OLD.input_tokens,
        OLD.output_tokens, OLD.total_tokens, OLD.failure, OLD.rests_until_ms)
BEGIN SELECT RAISE(ABORT, 'what a model was asked never changes'); END;

CREATE TRIGGER selections_stay BEFORE DELETE ON selections
WHEN OLD.last_at_ms > coalesce((SELECT at_ms FROM events ORDER BY id DESC LIMIT 1), 0) - 2592000000
BEGIN SELECT RAISE(ABORT, 'selections stay'); END;

DROP TRIGGER occasions_stay;
CREATE TRIGGER occasions_stay BEFORE DELETE ON occasions
WHEN OLD.booked_at_ms > coalesce((SELECT at_ms FROM events ORDER BY id DESC LIMIT 1), 0) - 2592000000
BEGIN SELECT RAISE(ABORT, 'occasions stay'); END;
