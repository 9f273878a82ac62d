//! The exchange from outside: through its router, on a clock that tests move by hand.
