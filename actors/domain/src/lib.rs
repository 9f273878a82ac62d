//! The vocabulary that every room shares: markets, money, orders, decisions, plain messages and shared ports.
//!
//! Nothing here carries authority: the types that let an order leave the house are made in `risk_guard` and
//! `trade_ledger`. Nothing here performs I/O; time, randomness and the language model are ports.

pub mod account;
pub mod candle;
pub mod day_limits;
pub mod decision;
pub mod ids;
pub mod maintenance;
pub mod market;
pub mod messages;
pub mod money;
pub mod order;
pub mod order_windows;
pub mod ports;
pub mod selection;
pub mod stock_rules;
pub mod symbol;
pub mod text;
pub mod tick;

pub use account::{AccountInWon, AccountSnapshot, Holding, NotARate, WonRate};
pub use candle::{Candle, CandleError};
pub use decision::{Action, Confidence, Decision, SelectionContext, Signal};
pub use ids::{
    ApprovalId, DecisionId, EventId, FencingEpoch, HaltEpoch, HaltId, HaltNonce, IntentId, VenueOrderId,
};
pub use maintenance::{is_ledger_pause, ledger_pause_end, ledger_rests};
pub use market::{Currency, Market};
pub use money::{Money, MoneyError, Percent, Price, Quantity};
pub use order::{InquiryRow, OpenIntent, OrderState, OrderTerms, Outcome, Refusal, Side, WorkingOrder};
pub use order_windows::{KisWindow, takes_orders_until, windows};
pub use ports::{
    BoxFuture, CLOCK_SKEW_ALLOWED_SECONDS, Clock, ExchangeClock, Oracle, OracleError, OracleReply,
    OracleRequest, Random, TokenUsage, is_ahead,
};
pub use selection::{Evidence, GateCheck, Selection, SelectionGate, Verdict, Wait, WaitCause};
pub use stock_rules::{Restriction, StockRules, saleable, saleable_and_stuck, takes_odd_lots};
pub use symbol::{Instrument, Symbol};
pub use tick::TickTable;
