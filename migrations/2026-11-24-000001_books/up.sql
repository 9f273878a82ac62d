-- The books. Own tables are STRICT; times are integer milliseconds since 1970 UTC of exchange time, dates are ISO text
-- of the market's own zone, money is integer millionths of the market's currency.

-- The seed's table, exactly as it is; a compatible view of the books, written only when something was traded or held.
CREATE TABLE IF NOT EXISTS trades (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    timestamp TEXT NOT NULL,
    stock_code TEXT NOT NULL,
    action TEXT NOT NULL,
    confidence INTEGER NOT NULL,
    rationale TEXT,
    quantity INTEGER,
    price REAL,
    pnl REAL DEFAULT 0.0,
    market TEXT DEFAULT 'KR',
    exchange_code TEXT DEFAULT 'KRX',
    selection_context TEXT
);

-- One row: the two epochs.
CREATE TABLE ledger_state (
    id integer PRIMARY KEY CHECK (id = 1),
    halt_epoch integer NOT NULL,
    fencing_epoch integer NOT NULL
) STRICT;
INSERT INTO ledger_state (id, halt_epoch, fencing_epoch) VALUES (1, 0, 0);

-- Boots are counted by the wall clock, even when exchange time is accelerated.
CREATE TABLE boots (
    fencing_epoch integer PRIMARY KEY,
    wall_at_ms integer NOT NULL
) STRICT;

CREATE TABLE events (
    id integer PRIMARY KEY AUTOINCREMENT,
    at_ms integer NOT NULL,
    kind text NOT NULL,
    market text,
    line text NOT NULL
) STRICT;

CREATE TABLE cursors (
    subscriber text PRIMARY KEY NOT NULL,
    last_event integer NOT NULL
) STRICT;

CREATE TABLE decisions (
    seq integer PRIMARY KEY AUTOINCREMENT,
    id text NOT NULL UNIQUE,
    market text NOT NULL,
    symbol text NOT NULL,
    action text NOT NULL CHECK (action IN ('BUY', 'SELL', 'HOLD')),
    confidence integer NOT NULL CHECK (confidence BETWEEN 0 AND 100),
    rationale text NOT NULL,
    price_micros integer,
    selection_context text,
    session_date text NOT NULL,
    judge text NOT NULL,
    at_ms integer NOT NULL
) STRICT;
CREATE INDEX decisions_of_market ON decisions (market, seq);

CREATE TABLE refusals (
    id integer PRIMARY KEY AUTOINCREMENT,
    decision_id text NOT NULL,
    market text NOT NULL,
    symbol text NOT NULL,
    action text NOT NULL,
    reason text NOT NULL,
    detail text NOT NULL,
    at_ms integer NOT NULL
) STRICT;

CREATE TABLE approvals (
    id text PRIMARY KEY NOT NULL,
    decision_id text NOT NULL,
    confidence integer NOT NULL CHECK (confidence BETWEEN 0 AND 100),
    approved_at_ms integer NOT NULL,
    expires_at_ms integer NOT NULL,
    halt_epoch integer NOT NULL
) STRICT;

CREATE INDEX approvals_of_decision ON approvals (decision_id);

-- At most one POST ever leaves for a row. An approval serves one intent.
CREATE TABLE intents (
    seq integer PRIMARY KEY AUTOINCREMENT,
    id text NOT NULL UNIQUE,
    approval_id text NOT NULL UNIQUE REFERENCES approvals (id),
    market text NOT NULL,
    symbol text NOT NULL,
    session_date text NOT NULL,
    side text NOT NULL CHECK (side IN ('BUY', 'SELL')),
    quantity integer NOT NULL CHECK (quantity > 0),
    limit_micros integer NOT NULL CHECK (limit_micros > 0),
    state text NOT NULL CHECK (state IN ('Approved', 'Sending', 'Accepted', 'Partial', 'Unknown', 'Lapsed', 'Refused',
        'Filled', 'Cancelled', 'Rejected', 'Expired', 'NeverAccepted')),
    sent_at_ms integer,
    fencing_epoch integer,
    watermark integer,
    order_date text,
    branch text,
    number text,
    order_number integer,
    filled integer NOT NULL DEFAULT 0 CHECK (filled BETWEEN 0 AND quantity),
    amount_micros integer NOT NULL DEFAULT 0,
    missed_inquiries integer NOT NULL DEFAULT 0,
    remark text,
    changed_at_ms integer NOT NULL
) STRICT;
-- The exchange numbers domestic and overseas orders apart.
CREATE UNIQUE INDEX intents_venue_order ON intents ((market = 'KR'), order_date, branch, order_number)
    WHERE order_number IS NOT NULL;
CREATE INDEX intents_of_day ON intents (market, session_date);
CREATE INDEX intents_open ON intents (state)
    WHERE state IN ('Approved', 'Sending', 'Accepted', 'Partial', 'Unknown', 'Lapsed');

CREATE TABLE fills (
    id integer PRIMARY KEY AUTOINCREMENT,
    intent_id text NOT NULL REFERENCES intents (id),
    quantity integer NOT NULL CHECK (quantity > 0),
    amount_micros integer NOT NULL CHECK (amount_micros > 0),
    price_micros integer NOT NULL CHECK (price_micros > 0),
    -- Of a sale by average cost; NULL for purchases, and when shares of unknown cost were sold.
    cost_micros integer,
    pnl_micros integer,
    booked_at_ms integer NOT NULL
) STRICT;
CREATE INDEX fills_of_intent ON fills (intent_id);

-- What this agent bought and has not sold, at cost.
CREATE TABLE positions (
    market text NOT NULL,
    symbol text NOT NULL,
    quantity integer NOT NULL,
    cost_micros integer NOT NULL,
    PRIMARY KEY (market, symbol)
) STRICT;

-- Orders of the account that no intent explains, or that several could.
CREATE TABLE strangers (
    id integer PRIMARY KEY AUTOINCREMENT,
    kind text NOT NULL CHECK (kind IN ('foreign', 'disputed')),
    market text NOT NULL,
    symbol text NOT NULL,
    order_date text NOT NULL,
    branch text NOT NULL,
    number text NOT NULL,
    order_number integer NOT NULL,
    side text NOT NULL,
    ordered integer NOT NULL,
    filled integer NOT NULL,
    amount_micros integer,
    first_seen_ms integer NOT NULL
) STRICT;
CREATE UNIQUE INDEX strangers_venue_order ON strangers ((market = 'KR'), order_date, branch, order_number);

-- Halts and releases are only ever added.
CREATE TABLE halts (
    seq integer PRIMARY KEY AUTOINCREMENT,
    id text NOT NULL UNIQUE,
    at_ms integer NOT NULL,
    source text NOT NULL,
    by_whom text NOT NULL,
    reason text NOT NULL,
    event_id integer NOT NULL REFERENCES events (id)
) STRICT;
CREATE TABLE releases (
    halt_id text PRIMARY KEY NOT NULL REFERENCES halts (id),
    at_ms integer NOT NULL,
    by_whom text NOT NULL,
    event_id integer NOT NULL REFERENCES events (id)
) STRICT;

CREATE TABLE closed_days (
    market text NOT NULL,
    session_date text NOT NULL,
    closed_at_ms integer NOT NULL,
    PRIMARY KEY (market, session_date)
) STRICT;

CREATE TABLE day_starts (
    currency text NOT NULL,
    session_date text NOT NULL,
    equity_micros integer NOT NULL,
    at_ms integer NOT NULL,
    PRIMARY KEY (currency, session_date)
) STRICT;

CREATE TABLE oracle_calls (
    quota_date text NOT NULL,
    purpose text NOT NULL,
    at_ms integer NOT NULL,
    PRIMARY KEY (quota_date, purpose)
) STRICT;

-- What happened stays: rows of these tables are never changed or removed.
CREATE TRIGGER events_are_final BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'events are final'); END;
CREATE TRIGGER events_stay BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'events stay'); END;
CREATE TRIGGER halts_are_final BEFORE UPDATE ON halts BEGIN SELECT RAISE(ABORT, 'halts are final'); END;
CREATE TRIGGER halts_stay BEFORE DELETE ON halts BEGIN SELECT RAISE(ABORT, 'halts stay'); END;
CREATE TRIGGER releases_are_final BEFORE UPDATE ON releases BEGIN SELECT RAISE(ABORT, 'releases are final'); END;
CREATE TRIGGER releases_stay BEFORE DELETE ON releases BEGIN SELECT RAISE(ABORT, 'releases stay'); END;
CREATE TRIGGER fills_are_final BEFORE UPDATE ON fills BEGIN SELECT RAISE(ABORT, 'fills are final'); END;
CREATE TRIGGER fills_stay BEFORE DELETE ON fills BEGIN SELECT RAISE(ABORT, 'fills stay'); END;
CREATE TRIGGER approvals_are_final BEFORE UPDATE ON approvals BEGIN SELECT RAISE(ABORT, 'approvals are final'); END;
CREATE TRIGGER approvals_stay BEFORE DELETE ON approvals BEGIN SELECT RAISE(ABORT, 'approvals stay'); END;
CREATE TRIGGER closed_days_are_final BEFORE UPDATE ON closed_days BEGIN SELECT RAISE(ABORT, 'closed days are final'); END;
CREATE TRIGGER closed_days_stay BEFORE DELETE ON closed_days BEGIN SELECT RAISE(ABORT, 'closed days stay'); END;
