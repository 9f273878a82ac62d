//! Kestrel.
