-- Until when the quota of a model is used up, as its call told: a restart asks no sooner.
ALTER TABLE consultations ADD COLUMN rests_until_ms integer;
CREATE INDEX consultations_of_model ON consultations (asked_model, asked_at_ms);
