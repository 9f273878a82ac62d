DROP TRIGGER oracle_calls_end_once;
DROP TRIGGER oracle_calls_stay;
ALTER TABLE oracle_calls DROP COLUMN ended_at_ms;
ALTER TABLE oracle_calls DROP COLUMN money_micros_taken;
ALTER TABLE oracle_calls DROP COLUMN tokens_taken;
ALTER TABLE oracle_calls DROP COLUMN money_micros_reserved;
ALTER TABLE oracle_calls DROP COLUMN tokens_reserved;
ALTER TABLE oracle_calls DROP COLUMN markets;
