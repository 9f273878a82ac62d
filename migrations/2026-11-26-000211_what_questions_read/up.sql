-- What is asked again and again is found without reading all that there is.

-- Events since a time: on a quiet day none is young, and all that is old must not be read to find that.
CREATE INDEX events_by_time ON events (at_ms, id);

-- What the sales of a market have realised since the books began; fills are final, so each adds to it once. An order counts once
-- among those whose profit is known and once among those whose cost was not. NULL: no sale of known cost yet.
CREATE TABLE sale_sums (
    market text PRIMARY KEY NOT NULL,
    pnl_micros integer,
    known integer NOT NULL CHECK (known >= 0),
    unknown integer NOT NULL CHECK (unknown >= 0)
) STRICT;
INSERT INTO sale_sums (market, pnl_micros, known, unknown)
    SELECT i.market, SUM(f.pnl_micros),
           COUNT(DISTINCT CASE WHEN f.pnl_micros IS NOT NULL THEN i.id END),
           COUNT(DISTINCT CASE WHEN f.pnl_micros IS NULL THEN i.id END)
      FROM fills AS f JOIN intents AS i ON i.id = f.intent_id
     WHERE i.side = 'SELL'
     GROUP BY i.market;
CREATE TRIGGER sale_sums_grow AFTER INSERT ON fills
WHEN (SELECT side FROM intents WHERE id = NEW.intent_id) = 'SELL'
BEGIN
    INSERT OR IGNORE INTO sale_sums (market, pnl_micros, known, unknown)
        SELECT market, NULL, 0, 0 FROM intents WHERE id = NEW.intent_id;
    UPDATE sale_sums
       SET pnl_micros = CASE WHEN NEW.pnl_micros IS NULL THEN pnl_micros ELSE coalesce(pnl_micros, 0) + NEW.pnl_micros END,
           known = known + (NEW.pnl_micros IS NOT NULL AND NOT EXISTS
               (SELECT 1 FROM fills WHERE intent_id = NEW.intent_id AND id <> NEW.id AND pnl_micros IS NOT NULL)),
           unknown = unknown + (NEW.pnl_micros IS NULL AND NOT EXISTS
               (SELECT 1 FROM fills WHERE intent_id = NEW.intent_id AND id <> NEW.id AND pnl_micros IS NULL))
     WHERE market = (SELECT market FROM intents WHERE id = NEW.intent_id);
END;
