//! Messages without authority, one file per family.
//!
//! | family | from | to |
//! |---|---|---|
//! | [`schedule`] | MarketClock | Scanner, Brain, RiskGuard, Broker, Optimizer, TradeLedger, Notifier |
//! | [`market_data`] | Scanner, Brain, RiskGuard | Broker |
//! | [`proof`] | MarketClock | Broker |
//! | [`trading`] | Scanner, Brain, Broker | Brain, RiskGuard, TradeLedger |
//! | [`bars`] | Scanner, Optimizer | TradeLedger |
//! | [`chat`] | Telegram | TradeLedger |
//! | [`control`] | control socket, Telegram, supervisor, ledger | RiskGuard |
//! | [`judging`] | control socket | Brain |
//! | [`consultation`] | Brain | TradeLedger |
//! | [`evolution`] | Optimizer, control socket | TradeLedger |
//! | [`limits`] | control socket, RiskGuard, Broker | RiskGuard, TradeLedger |
//! | [`ledger`] | everyone | TradeLedger |
//! | [`occasions`] | MarketClock | TradeLedger |
//! | [`selection`] | Scanner | TradeLedger |
//! | [`operator`] | a person | the books, by the control socket or without one |
//! | [`symbols`] | Broker, control socket | RiskGuard, TradeLedger |
//! | [`won`] | RiskGuard | TradeLedger, control socket |

pub mod bars;
pub mod chat;
pub mod consultation;
pub mod control;
pub mod evolution;
pub mod judging;
pub mod ledger;
pub mod limits;
pub mod market_data;
pub mod occasions;
pub mod operator;
pub mod proof;
pub mod schedule;
pub mod selection;
pub mod symbols;
pub mod trading;
pub mod won;
