-- When the first final list of a day left it open: from then on a person may end what keeps it.
ALTER TABLE order_lists ADD COLUMN left_open_ms integer;
