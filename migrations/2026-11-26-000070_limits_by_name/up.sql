-- A change of the limits by the limits' own names. The value columns of `limit_changes` stay as they were written and are
-- written no more; a change without a row here withdraws the earlier ones.
CREATE TABLE limit_values (
    change_seq integer NOT NULL REFERENCES limit_changes (seq),
    name text NOT NULL,
    value_micros integer NOT NULL,
    PRIMARY KEY (change_seq, name)
) STRICT;
INSERT INTO limit_values
    SELECT seq, 'max_loss_pct', max_loss_micros FROM limit_changes WHERE max_loss_micros IS NOT NULL
    UNION ALL
    SELECT seq, 'max_order_pct', max_order_micros FROM limit_changes WHERE max_order_micros IS NOT NULL
    UNION ALL
    SELECT seq, 'confidence_threshold', confidence * 1000000 FROM limit_changes WHERE confidence IS NOT NULL
    UNION ALL
    SELECT seq, 'max_orders_per_minute', orders_per_minute * 1000000 FROM limit_changes
        WHERE orders_per_minute IS NOT NULL
    UNION ALL
    SELECT seq, 'max_orders_per_day', orders_per_day * 1000000 FROM limit_changes WHERE orders_per_day IS NOT NULL;
CREATE TRIGGER limit_values_are_final BEFORE UPDATE ON limit_values BEGIN SELECT RAISE(ABORT, 'limit values are final'); END;
CREATE TRIGGER limit_values_stay BEFORE DELETE ON limit_values BEGIN SELECT RAISE(ABORT, 'limit values stay'); END;

-- What speaks against buying a stock again is looked up with each sale.
CREATE INDEX refusals_of_stock ON refusals (market, symbol, at_ms);
CREATE INDEX refusals_by_time ON refusals (at_ms);
CREATE INDEX fills_by_time ON fills (booked_at_ms);
