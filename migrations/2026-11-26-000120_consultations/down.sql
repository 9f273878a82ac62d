DROP TABLE decision_bases;
DROP TABLE consultations;
