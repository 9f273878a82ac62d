-- A person asks what came of one stock, on one day or up to an instant, on the books of a year: each question goes to the
-- rows of that stock and day, and reads no other.
CREATE INDEX decisions_of_stock_by_day ON decisions (symbol, market, session_date);
CREATE INDEX intents_of_stock_by_day ON intents (symbol, market, session_date);
-- What became of a purchase needs all executions of its stock; of their orders no more than this.
DROP INDEX intents_of_stock;
CREATE INDEX intents_of_stock ON intents (symbol, market, seq, id, side);
-- What the page and the metrics ask every few seconds: what is young, and counts by kind.
CREATE INDEX decisions_by_time ON decisions (at_ms);
CREATE INDEX decisions_of_action ON decisions (action);
CREATE INDEX refusals_of_reason ON refusals (reason);
