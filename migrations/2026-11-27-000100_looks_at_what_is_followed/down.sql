DROP TABLE watch_looks;
