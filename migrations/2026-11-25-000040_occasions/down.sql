-- Loses what MarketClock has told already: an occasion may then be told again.
DROP TABLE occasions;
