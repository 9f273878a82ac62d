ALTER TABLE refusals DROP COLUMN unit;
ALTER TABLE refusals DROP COLUMN threshold_micros;
ALTER TABLE refusals DROP COLUMN comparison;
ALTER TABLE refusals DROP COLUMN measured_micros;
