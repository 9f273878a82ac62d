DROP INDEX refusals_of_reason;
DROP INDEX decisions_of_action;
DROP INDEX decisions_by_time;
DROP INDEX intents_of_stock;
CREATE INDEX intents_of_stock ON intents (symbol, market, seq);
DROP INDEX intents_of_stock_by_day;
DROP INDEX decisions_of_stock_by_day;
