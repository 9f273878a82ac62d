DROP INDEX consultations_of_model;
ALTER TABLE consultations DROP COLUMN rests_until_ms;
