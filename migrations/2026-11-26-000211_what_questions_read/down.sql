DROP TRIGGER sale_sums_grow;
DROP TABLE sale_sums;
DROP INDEX events_by_time;
