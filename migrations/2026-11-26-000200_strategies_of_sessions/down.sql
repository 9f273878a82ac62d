ALTER TABLE decisions DROP COLUMN strategy_version;
DROP TABLE session_strategies;
