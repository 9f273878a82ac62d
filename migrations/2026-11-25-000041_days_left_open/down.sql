-- Loses which days final lists have left open; the next final list tells again.
ALTER TABLE order_lists DROP COLUMN left_open_ms;
