-- Daily bars of finished days, as the exchange or a file told them. A bar that later reads differently (after a split, say) is a
-- new version with what became of its close; no version is ever changed. Prices in millionths, factors in trillionths.
CREATE TABLE bar_imports (
    seq integer PRIMARY KEY NOT NULL,
    at_ms integer NOT NULL,
    market text NOT NULL,
    file_name text NOT NULL,
    rows_read integer NOT NULL,
    taken integer NOT NULL,
    changed integer NOT NULL,
    known integer NOT NULL,
    refused integer NOT NULL
) STRICT;
CREATE TRIGGER bar_imports_stay BEFORE DELETE ON bar_imports
BEGIN SELECT RAISE(ABORT, 'imports of bars stay'); END;
CREATE TRIGGER bar_imports_are_final BEFORE UPDATE ON bar_imports
BEGIN SELECT RAISE(ABORT, 'imports of bars are final'); END;

-- Rows of a file that were not taken; the first thousand of an import.
CREATE TABLE bar_refusals (
    import_seq integer NOT NULL REFERENCES bar_imports (seq),
    line integer NOT NULL,
    reason text NOT NULL,
    PRIMARY KEY (import_seq, line)
) STRICT;
CREATE TRIGGER bar_refusals_stay BEFORE DELETE ON bar_refusals
BEGIN SELECT RAISE(ABORT, 'refused bars stay'); END;
CREATE TRIGGER bar_refusals_are_final BEFORE UPDATE ON bar_refusals
BEGIN SELECT RAISE(ABORT, 'refused bars are final'); END;

-- What all bars of a stock before a date are multiplied by from now on; without a factor they are not comparable any more.
CREATE TABLE bar_adjustments (
    seq integer PRIMARY KEY NOT NULL,
    market text NOT NULL,
    symbol text NOT NULL,
    before_date text NOT NULL,
    factor_trillionths integer CHECK (factor_trillionths > 0),
    at_ms integer NOT NULL
) STRICT;
CREATE INDEX bar_adjustments_of_stock ON bar_adjustments (market, symbol);
CREATE TRIGGER bar_adjustments_stay BEFORE DELETE ON bar_adjustments
BEGIN SELECT RAISE(ABORT, 'adjustments of bars stay'); END;
CREATE TRIGGER bar_adjustments_are_final BEFORE UPDATE ON bar_adjustments
BEGIN SELECT RAISE(ABORT, 'adjustments of bars are final'); END;

CREATE TABLE bars (
    market text NOT NULL,
    symbol text NOT NULL,
    session_date text NOT NULL,
    version integer NOT NULL CHECK (version >= 1),
    open_micros integer NOT NULL CHECK (open_micros > 0),
    high_micros integer NOT NULL CHECK (high_micros >= max(open_micros, close_micros, low_micros)),
    low_micros integer NOT NULL CHECK (low_micros > 0 AND low_micros <= min(open_micros, close_micros)),
    close_micros integer NOT NULL CHECK (close_micros > 0),
    volume integer NOT NULL CHECK (volume >= 0),
    -- What its prices are multiplied by to be comparable with the newest of its time.
    factor_trillionths integer NOT NULL CHECK (factor_trillionths > 0),
    -- The comparable close of this version over that of the version before.
    change_trillionths integer CHECK (change_trillionths > 0),
    -- The adjustments of the stock up to this one are in it already.
    after_adjustment integer NOT NULL,
    -- The file it is from; the exchange told the others.
    import_seq integer REFERENCES bar_imports (seq),
    seen_at_ms integer NOT NULL,
    PRIMARY KEY (market, symbol, session_date, version),
    CHECK ((version = 1) = (change_trillionths IS NULL))
) STRICT, WITHOUT ROWID;
CREATE TRIGGER bars_stay BEFORE DELETE ON bars
BEGIN SELECT RAISE(ABORT, 'bars stay'); END;
CREATE TRIGGER bars_are_final BEFORE UPDATE ON bars
BEGIN SELECT RAISE(ABORT, 'bars are final'); END;
CREATE VIEW newest_bars AS
SELECT * FROM bars AS bar
WHERE version = (
    SELECT max(version) FROM bars
    WHERE market = bar.market AND symbol = bar.symbol AND session_date = bar.session_date
);
