DROP TABLE day_reports;
