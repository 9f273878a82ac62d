-- Takes the books away. The program never does this; the seed's table stays in any case.
DROP TABLE oracle_calls;
DROP TABLE day_starts;
DROP TABLE closed_days;
DROP TABLE releases;
DROP TABLE halts;
DROP TABLE strangers;
DROP TABLE positions;
DROP TABLE fills;
DROP TABLE intents;
DROP TABLE approvals;
DROP TABLE refusals;
DROP TABLE decisions;
DROP TABLE cursors;
DROP TABLE events;
DROP TABLE boots;
DROP TABLE ledger_state;
