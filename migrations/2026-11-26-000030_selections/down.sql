DROP INDEX net_shares_by_time;
DROP TABLE selections;
