-- Three trading states: a row of `halts` has a level, and the code that a resume from afar must quote.
ALTER TABLE halts ADD COLUMN level text NOT NULL DEFAULT 'halted' CHECK (level IN ('reducing', 'flatten', 'halted'));
ALTER TABLE halts ADD COLUMN nonce text NOT NULL DEFAULT '';
ALTER TABLE releases ADD COLUMN source text NOT NULL DEFAULT 'operator';
ALTER TABLE releases ADD COLUMN reason text NOT NULL DEFAULT '';

-- A flatten that has sold everything: from here on its halt stops exits too.
CREATE TABLE halt_latches (
    halt_id text PRIMARY KEY NOT NULL REFERENCES halts (id),
    at_ms integer NOT NULL,
    event_id integer NOT NULL REFERENCES events (id)
) STRICT;

-- Limits made stricter at run time. A row without any value withdraws the earlier ones from the next boot on.
CREATE TABLE limit_changes (
    seq integer PRIMARY KEY AUTOINCREMENT,
    at_ms integer NOT NULL,
    fencing_epoch integer NOT NULL,
    source text NOT NULL,
    by_whom text NOT NULL,
    reason text NOT NULL,
    max_loss_micros integer,
    max_order_micros integer,
    confidence integer CHECK (confidence BETWEEN 0 AND 100),
    orders_per_minute integer CHECK (orders_per_minute >= 0),
    orders_per_day integer CHECK (orders_per_day >= 0),
    event_id integer NOT NULL REFERENCES events (id)
) STRICT;

CREATE INDEX approvals_by_time ON approvals (approved_at_ms);

CREATE TRIGGER halt_latches_are_final BEFORE UPDATE ON halt_latches BEGIN SELECT RAISE(ABORT, 'halt latches are final'); END;
CREATE TRIGGER halt_latches_stay BEFORE DELETE ON halt_latches BEGIN SELECT RAISE(ABORT, 'halt latches stay'); END;
CREATE TRIGGER limit_changes_are_final BEFORE UPDATE ON limit_changes BEGIN SELECT RAISE(ABORT, 'limit changes are final'); END;
CREATE TRIGGER limit_changes_stay BEFORE DELETE ON limit_changes BEGIN SELECT RAISE(ABORT, 'limit changes stay'); END;
