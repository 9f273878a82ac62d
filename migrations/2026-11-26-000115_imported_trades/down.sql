DROP TABLE imported_trades;
