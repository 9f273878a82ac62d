-- What is open, standing or held is kept beside what has happened: an agent asks for it with each order and at each look,
-- and must not read a longer history for the same answer the longer it runs.

-- Intents by state: those that are open, and those that were refused lately. The index of before holds open ones only, and
-- SQLite cannot know that a bound state is one of them.
DROP INDEX intents_open;
CREATE INDEX intents_by_state ON intents (state, changed_at_ms);
CREATE INDEX intents_of_stock_by_state ON intents (market, symbol, state);
-- Order numbers are looked up by day, whatever the branch.
CREATE INDEX intents_by_number ON intents (order_number, order_date) WHERE order_number IS NOT NULL;
CREATE INDEX strangers_by_date ON strangers (order_date, order_number);
CREATE INDEX occasions_by_date ON occasions (session_date);
CREATE INDEX order_lists_by_time ON order_lists (market, asked_at_ms);
CREATE INDEX boots_by_time ON boots (wall_at_ms);
CREATE INDEX halts_of_source ON halts (source);

-- Days that have an intent and no close record.
CREATE TABLE open_days (
    market text NOT NULL,
    session_date text NOT NULL,
    PRIMARY KEY (market, session_date)
) STRICT, WITHOUT ROWID;
INSERT INTO open_days
    SELECT DISTINCT market, session_date FROM intents
    EXCEPT SELECT market, session_date FROM closed_days;
CREATE TRIGGER intents_open_their_day AFTER INSERT ON intents
WHEN NOT EXISTS (SELECT 1 FROM closed_days AS c WHERE c.market = NEW.market AND c.session_date = NEW.session_date)
BEGIN INSERT OR IGNORE INTO open_days VALUES (NEW.market, NEW.session_date); END;
CREATE TRIGGER closed_days_are_not_open AFTER INSERT ON closed_days
BEGIN DELETE FROM open_days WHERE market = NEW.market AND session_date = NEW.session_date; END;
CREATE TRIGGER open_days_stay_until_closed BEFORE DELETE ON open_days
WHEN NOT EXISTS (SELECT 1 FROM closed_days AS c WHERE c.market = OLD.market AND c.session_date = OLD.session_date)
BEGIN SELECT RAISE(ABORT, 'a day is open until it is closed'); END;
CREATE TRIGGER open_days_are_final BEFORE UPDATE ON open_days BEGIN SELECT RAISE(ABORT, 'open days are final'); END;

-- Halts that nobody has lifted.
CREATE TABLE standing_halts (
    halt_seq integer PRIMARY KEY NOT NULL REFERENCES halts (seq)
) STRICT;
INSERT INTO standing_halts
    SELECT seq FROM halts AS h WHERE NOT EXISTS (SELECT 1 FROM releases AS r WHERE r.halt_id = h.id);
CREATE TRIGGER halts_stand AFTER INSERT ON halts BEGIN INSERT INTO standing_halts VALUES (NEW.seq); END;
CREATE TRIGGER releases_lift AFTER INSERT ON releases
BEGIN DELETE FROM standing_halts WHERE halt_seq = (SELECT h.seq FROM halts AS h WHERE h.id = NEW.halt_id); END;
CREATE TRIGGER standing_halts_stay_until_lifted BEFORE DELETE ON standing_halts
WHEN NOT EXISTS (SELECT 1 FROM halts AS h JOIN releases AS r ON r.halt_id = h.id WHERE h.seq = OLD.halt_seq)
BEGIN SELECT RAISE(ABORT, 'a halt stands until it is lifted'); END;
CREATE TRIGGER standing_halts_are_final BEFORE UPDATE ON standing_halts
BEGIN SELECT RAISE(ABORT, 'standing halts are final'); END;

-- Shares that no order of this agent explains: fills of strangers, and what was there or accepted. Signed.
CREATE TABLE other_shares (
    market text NOT NULL,
    symbol text NOT NULL,
    quantity integer NOT NULL,
    PRIMARY KEY (market, symbol)
) STRICT, WITHOUT ROWID;
INSERT INTO other_shares
    SELECT market, symbol, SUM(quantity) FROM (
        SELECT market, symbol, CASE side WHEN 'BUY' THEN filled ELSE -filled END AS quantity FROM strangers
        UNION ALL
        SELECT market, symbol, quantity FROM external_shares)
     GROUP BY market, symbol;
CREATE TRIGGER strangers_count AFTER INSERT ON strangers BEGIN
    INSERT INTO other_shares VALUES (NEW.market, NEW.symbol, CASE NEW.side WHEN 'BUY' THEN NEW.filled ELSE -NEW.filled END)
    ON CONFLICT (market, symbol) DO UPDATE SET quantity = quantity + excluded.quantity;
END;
CREATE TRIGGER strangers_count_on AFTER UPDATE OF market, symbol, side, filled ON strangers BEGIN
    UPDATE other_shares SET quantity = quantity - CASE OLD.side WHEN 'BUY' THEN OLD.filled ELSE -OLD.filled END
     WHERE market = OLD.market AND symbol = OLD.symbol;
    INSERT INTO other_shares VALUES (NEW.market, NEW.symbol, CASE NEW.side WHEN 'BUY' THEN NEW.filled ELSE -NEW.filled END)
    ON CONFLICT (market, symbol) DO UPDATE SET quantity = quantity + excluded.quantity;
END;
CREATE TRIGGER strangers_count_no_more AFTER DELETE ON strangers BEGIN
    UPDATE other_shares SET quantity = quantity - CASE OLD.side WHEN 'BUY' THEN OLD.filled ELSE -OLD.filled END
     WHERE market = OLD.market AND symbol = OLD.symbol;
END;
CREATE TRIGGER external_shares_count AFTER INSERT ON external_shares BEGIN
    INSERT INTO other_shares VALUES (NEW.market, NEW.symbol, NEW.quantity)
    ON CONFLICT (market, symbol) DO UPDATE SET quantity = quantity + excluded.quantity;
END;

-- When the first of the shares that are held was bought: back through the fills until there were none. NULL when the fills
-- do not explain what is held.
ALTER TABLE positions ADD COLUMN since_ms integer;
UPDATE positions SET since_ms = (
    SELECT booked_at_ms FROM (
        SELECT f.id AS id, f.booked_at_ms AS booked_at_ms,
               SUM(CASE i.side WHEN 'BUY' THEN f.quantity ELSE -f.quantity END) OVER (ORDER BY f.id DESC) AS bought
          FROM fills AS f JOIN intents AS i ON i.id = f.intent_id
         WHERE i.market = positions.market AND i.symbol = positions.symbol)
     WHERE bought >= positions.quantity ORDER BY id DESC LIMIT 1)
 WHERE quantity > 0;
