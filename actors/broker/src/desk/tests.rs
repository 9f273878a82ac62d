//! Broker against doubles.
