-- What a person asks about: one stock, whatever its market; one judgement; one kind of event.
CREATE INDEX decisions_of_stock ON decisions (symbol, market, seq);
CREATE INDEX refusals_of_decision ON refusals (decision_id);
CREATE INDEX intents_of_stock ON intents (symbol, market, seq);
CREATE INDEX events_of_kind ON events (kind, id);
CREATE INDEX selections_of_stock ON selections (symbol, market, session_date);
