ALTER TABLE order_lists DROP COLUMN left_open_ms;
