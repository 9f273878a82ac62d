//! Disk, database, clock and second instances fail under a trading agent: no book goes wrong, the operator is told, and
//! no order leaves that is not on disk.

mod days;
mod disk;
mod instances;
mod time;
