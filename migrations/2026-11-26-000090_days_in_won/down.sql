DROP TABLE won_day_starts;
