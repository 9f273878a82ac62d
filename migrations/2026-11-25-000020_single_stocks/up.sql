-- One stock at a time: its halts, its disputes, its shares; and what the protocol must remember of lists and unknowns.

-- How long an order is missing from final lists, and whether the exchange ever gave it a number.
ALTER TABLE intents ADD COLUMN had_number integer NOT NULL DEFAULT 0;
ALTER TABLE intents ADD COLUMN final_lists integer NOT NULL DEFAULT 0;
ALTER TABLE intents ADD COLUMN first_final_ms integer;
UPDATE intents SET had_number = 1 WHERE number IS NOT NULL;
ALTER TABLE strangers ADD COLUMN limit_micros integer;

-- Halts of single stocks and their releases are only ever added.
CREATE TABLE symbol_halts (
    id integer PRIMARY KEY AUTOINCREMENT,
    market text NOT NULL,
    symbol text NOT NULL,
    at_ms integer NOT NULL,
    cause text NOT NULL CHECK (cause IN ('dispute', 'contradiction', 'position')),
    reason text NOT NULL,
    event_id integer NOT NULL REFERENCES events (id)
) STRICT;
CREATE INDEX symbol_halts_of_stock ON symbol_halts (market, symbol);
CREATE TABLE symbol_releases (
    symbol_halt_id integer PRIMARY KEY NOT NULL REFERENCES symbol_halts (id),
    at_ms integer NOT NULL,
    by_whom text NOT NULL,
    reason text NOT NULL,
    event_id integer NOT NULL REFERENCES events (id)
) STRICT;

-- What a person said about an intent in dispute; without a number: none of the orders.
CREATE TABLE resolutions (
    id integer PRIMARY KEY AUTOINCREMENT,
    intent_id text NOT NULL REFERENCES intents (id),
    at_ms integer NOT NULL,
    order_date text,
    branch text,
    number text,
    by_whom text NOT NULL,
    reason text NOT NULL,
    event_id integer NOT NULL REFERENCES events (id)
) STRICT;
CREATE INDEX resolutions_of_intent ON resolutions (intent_id);

-- Each time that an order's fate became unknown.
CREATE TABLE unknowns (
    id integer PRIMARY KEY AUTOINCREMENT,
    intent_id text NOT NULL REFERENCES intents (id),
    at_ms integer NOT NULL
) STRICT;
CREATE INDEX unknowns_by_time ON unknowns (at_ms);
INSERT INTO unknowns (intent_id, at_ms)
    SELECT id, changed_at_ms FROM intents WHERE state IN ('Unknown', 'Lapsed');

-- The newest list that is booked per market and day.
CREATE TABLE order_lists (
    market text NOT NULL,
    session_date text NOT NULL,
    asked_at_ms integer NOT NULL,
    PRIMARY KEY (market, session_date)
) STRICT;

-- Own fills per stock, purchases less sales, signed; whatever the shares' origin.
CREATE TABLE net_shares (
    market text NOT NULL,
    symbol text NOT NULL,
    quantity integer NOT NULL,
    last_fill_ms integer NOT NULL,
    PRIMARY KEY (market, symbol)
) STRICT;
INSERT INTO net_shares (market, symbol, quantity, last_fill_ms)
    SELECT i.market, i.symbol, SUM(CASE i.side WHEN 'BUY' THEN f.quantity ELSE -f.quantity END), MAX(f.booked_at_ms)
      FROM fills AS f JOIN intents AS i ON i.id = f.intent_id
     GROUP BY i.market, i.symbol;

-- Shares of other origin: there before the agent, or accepted by a person. Only ever added; their sum counts.
CREATE TABLE external_shares (
    id integer PRIMARY KEY AUTOINCREMENT,
    market text NOT NULL,
    symbol text NOT NULL,
    quantity integer NOT NULL CHECK (quantity <> 0),
    at_ms integer NOT NULL,
    by_whom text NOT NULL,
    event_id integer NOT NULL REFERENCES events (id)
) STRICT;
CREATE INDEX external_shares_of_stock ON external_shares (market, symbol);

-- Accounts whose holdings were compared once: from then on a new difference needs an explanation.
CREATE TABLE adopted_accounts (
    currency text PRIMARY KEY NOT NULL,
    at_ms integer NOT NULL
) STRICT;

-- Differences between books and account that are not explained yet.
CREATE TABLE share_doubts (
    market text NOT NULL,
    symbol text NOT NULL,
    difference integer NOT NULL,
    since_ms integer NOT NULL,
    PRIMARY KEY (market, symbol)
) STRICT;

CREATE TRIGGER symbol_halts_are_final BEFORE UPDATE ON symbol_halts BEGIN SELECT RAISE(ABORT, 'symbol halts are final'); END;
CREATE TRIGGER symbol_halts_stay BEFORE DELETE ON symbol_halts BEGIN SELECT RAISE(ABORT, 'symbol halts stay'); END;
CREATE TRIGGER symbol_releases_are_final BEFORE UPDATE ON symbol_releases BEGIN SELECT RAISE(ABORT, 'symbol releases are final'); END;
CREATE TRIGGER symbol_releases_stay BEFORE DELETE ON symbol_releases BEGIN SELECT RAISE(ABORT, 'symbol releases stay'); END;
CREATE TRIGGER resolutions_are_final BEFORE UPDATE ON resolutions BEGIN SELECT RAISE(ABORT, 'resolutions are final'); END;
CREATE TRIGGER resolutions_stay BEFORE DELETE ON resolutions BEGIN SELECT RAISE(ABORT, 'resolutions stay'); END;
CREATE TRIGGER unknowns_are_final BEFORE UPDATE ON unknowns BEGIN SELECT RAISE(ABORT, 'unknowns are final'); END;
CREATE TRIGGER unknowns_stay BEFORE DELETE ON unknowns BEGIN SELECT RAISE(ABORT, 'unknowns stay'); END;
CREATE TRIGGER external_shares_are_final BEFORE UPDATE ON external_shares BEGIN SELECT RAISE(ABORT, 'external shares are final'); END;
CREATE TRIGGER external_shares_stay BEFORE DELETE ON external_shares BEGIN SELECT RAISE(ABORT, 'external shares stay'); END;
