-- What a call of the language model can take at most is reserved with it; what it took replaces that once it is known.
ALTER TABLE oracle_calls ADD COLUMN markets text NOT NULL DEFAULT '';
ALTER TABLE oracle_calls ADD COLUMN tokens_reserved integer NOT NULL DEFAULT 0;
ALTER TABLE oracle_calls ADD COLUMN money_micros_reserved integer NOT NULL DEFAULT 0;
ALTER TABLE oracle_calls ADD COLUMN tokens_taken integer;
ALTER TABLE oracle_calls ADD COLUMN money_micros_taken integer;
ALTER TABLE oracle_calls ADD COLUMN ended_at_ms integer;
CREATE TRIGGER oracle_calls_stay BEFORE DELETE ON oracle_calls
BEGIN SELECT RAISE(ABORT, 'calls of the model stay'); END;
CREATE TRIGGER oracle_calls_end_once BEFORE UPDATE ON oracle_calls WHEN OLD.ended_at_ms IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'a call of the model ends once'); END;
