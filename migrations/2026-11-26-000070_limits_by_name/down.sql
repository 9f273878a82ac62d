DROP INDEX fills_by_time;
DROP INDEX refusals_by_time;
DROP INDEX refusals_of_stock;
-- What was made stricter under the new names goes back to the columns there are; the limits that have none are lost.
DROP TRIGGER limit_changes_are_final;
UPDATE limit_changes SET
    max_loss_micros = (SELECT value_micros FROM limit_values WHERE change_seq = seq AND name = 'max_loss_pct'),
    max_order_micros = (SELECT value_micros FROM limit_values WHERE change_seq = seq AND name = 'max_order_pct'),
    confidence =
        (SELECT value_micros / 1000000 FROM limit_values WHERE change_seq = seq AND name = 'confidence_threshold'),
    orders_per_minute =
        (SELECT value_micros / 1000000 FROM limit_values WHERE change_seq = seq AND name = 'max_orders_per_minute'),
    orders_per_day =
        (SELECT value_micros / 1000000 FROM limit_values WHERE change_seq = seq AND name = 'max_orders_per_day');
CREATE TRIGGER limit_changes_are_final BEFORE UPDATE ON limit_changes BEGIN SELECT RAISE(ABORT, 'limit changes are final'); END;
DROP TABLE limit_values;
