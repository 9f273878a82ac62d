DROP TABLE exit_peaks;
DROP TABLE breaker_trips;
