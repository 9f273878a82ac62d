DROP TABLE retention_marks;
DROP TRIGGER events_stay;
CREATE TRIGGER events_stay BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'events stay'); END;
DROP TRIGGER decisions_stay;
DROP TRIGGER decision_bases_stay;
CREATE TRIGGER decision_bases_stay BEFORE DELETE ON decision_bases
BEGIN SELECT RAISE(ABORT, 'what a judgement rests on stays'); END;
DROP TRIGGER consultations_never_change;
CREATE TRIGGER consultations_never_change BEFORE UPDATE ON consultations
BEGIN SELECT RAISE(ABORT, 'what a model was asked never changes'); END;
DROP TRIGGER selections_stay;
DROP TRIGGER occasions_stay;
CREATE TRIGGER occasions_stay BEFORE DELETE ON occasions BEGIN SELECT RAISE(ABORT, 'occasions stay'); END;
