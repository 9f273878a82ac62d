-- A refusal by a threshold: what was measured and what it was compared with, in millionths of the unit.
ALTER TABLE refusals ADD COLUMN measured_micros integer;
ALTER TABLE refusals ADD COLUMN comparison text CHECK (comparison IN ('at_least', 'at_most', 'above', 'below'));
ALTER TABLE refusals ADD COLUMN threshold_micros integer;
ALTER TABLE refusals ADD COLUMN unit text;
