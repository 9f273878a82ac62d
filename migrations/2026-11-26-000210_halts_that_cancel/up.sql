-- A halt may have been asked to cancel what works at the exchange, until it is lifted. One that was not, and every halt of
-- before, does as the setting HALT_CANCELS_ORDERS says.
ALTER TABLE halts ADD COLUMN cancel_open integer NOT NULL DEFAULT 0 CHECK (cancel_open IN (0, 1));
