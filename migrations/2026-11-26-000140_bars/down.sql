DROP VIEW newest_bars;
DROP TABLE bars;
DROP TABLE bar_adjustments;
DROP TABLE bar_refusals;
DROP TABLE bar_imports;
