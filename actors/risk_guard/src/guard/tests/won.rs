//! The account in won, as RiskGuard asks for it, has it booked and judges it.

use domain::messages::control::*;
use domain::messages::won::{WonPart, WonStanding};
use domain::{AccountInWon, AccountSnapshot, Money, WonRate};

use super::doubles::Facts;
use super::world::World;
use super::*;

fn rates(as_of: DateTime<Utc>) -> AccountInWon {
    let usd = WonRate::new(Decimal::from(1_400), Market::Kr.date_at(as_of)).unwrap();
    AccountInWon { equity: Some(won(20_000_000)), rates: [(Currency::Usd, usd)].into(), as_of }
}

/// An agent in won and dollars whose exchange tells the rate.
fn abroad(facts: &mut Facts) {
    facts.currencies = vec![Currency::Krw, Currency::Usd];
    facts.in_won = Some(rates("2026-11-24T01:00:00Z".parse().unwrap()));
}

impl World {
    async fn tell(&self, currency: Currency, equity: i64) {
        // Two accounts of one moment are one account.
        tokio::time::sleep(Duration::from_secs(1)).await;
        let equity = Money::new(equity.into(), currency);
        let is_begun = self.facts().won_parts.contains_key(&currency);
        // A day begins with what two accounts in a row agree on.
        for ago_ms in if is_begun { 0..=0 } else { 0..=1 } {
            let told = account(self.clock.now() - TimeDelta::milliseconds(1 - ago_ms), 1);
            let (cash, equity) = (Some(equity), Some(equity));
            let snapshot = AccountSnapshot { currency, equity, cash, holdings: vec![], ..told };
            self.account.tell(AccountUpdated { snapshot }).unwrap();
        }
        self.settle().await;
    }

    async fn in_won(&self) -> Option<WonStanding> {
        self.status.ask(StatusQuery, Duration::from_secs(2)).await.unwrap().won
    }

    async fn day_in_won(&self) -> Option<String> {
        self.in_won().await.unwrap().day_pnl_pct.map(|pct| pct.round_dp(2).normalize().to_string())
    }

    /// Both accounts: six million won, and dollars worth fourteen.
    async fn begin(&self) {
        self.tell(Currency::Krw, 6_000_000).await;
        self.tell(Currency::Usd, 10_000).await;
        assert_eq!(self.day_in_won().await.as_deref(), Some("0"));
    }

    fn asked(&self) -> usize {
        self.log().iter().filter(|line| line.starts_with("broker: account in won")).count()
    }
}

#[test]
fn an_agent_that_trades_only_in_won_neither_asks_for_the_account_in_won_nor_shows_it() {
    trading(async |world| {
        tokio::time::sleep(Duration::from_secs(3_700)).await;
        assert_eq!((world.asked(), world.in_won().await), (0, None));
    });
}

#[test]
fn the_account_in_won_is_asked_for_once_an_hour_and_sooner_while_it_is_not_told() {
    world(abroad, async |world| {
        let log = world.log();
        assert_eq!(
            log.iter().filter(|line| *line == "broker: account").count(),
            2,
            "nobody told either: {log:?}"
        );
        assert!(log.contains(&"broker: account in won with [Usd]".to_owned()), "{log:?}");
        assert_eq!(world.in_won().await.unwrap().told, Some(rates("2026-11-24T01:00:00Z".parse().unwrap())));
        tokio::time::sleep(Duration::from_secs(3_700)).await;
        assert_eq!(world.asked(), 1);
        world.facts().in_won = None;
        tokio::time::sleep(Duration::from_secs(3_600 + 1_200)).await;
        assert_eq!(world.asked(), 5, "once more after an hour, then every five minutes");
        assert!(world.in_won().await.unwrap().told.is_some(), "what was told stays, with its time");
    });
}

#[test]
fn what_a_day_in_won_began_with_is_booked_once_and_stands_after_a_restart() {
    world(abroad, async |world| {
        world.begin().await;
        world.tell(Currency::Usd, 9_900).await;
        assert_eq!(world.day_in_won().await.as_deref(), Some("-0.7"));
        world.restart();
        world.settle().await;
        world.tell(Currency::Krw, 6_000_000).await;
        assert_eq!(world.day_in_won().await, None, "the dollars are not known yet");
        world.tell(Currency::Usd, 9_900).await;
        assert_eq!(world.day_in_won().await.as_deref(), Some("-0.7"));
        let usd = world.facts().won_parts[&Currency::Usd];
        assert_eq!(usd.equity, Money::new(10_000.into(), Currency::Usd));
        assert_eq!(usd.rate.won_per_unit(), Decimal::from(1_400));
    });
}

#[test]
fn an_account_that_is_told_while_the_books_are_asked_begins_its_day_too() {
    world(abroad, async |world| {
        for (currency, equity) in
            [(Currency::Krw, won(6_000_000)), (Currency::Usd, Money::new(10_000.into(), Currency::Usd))]
        {
            for ago_ms in [1, 0] {
                let told = account(world.clock.now() - TimeDelta::milliseconds(ago_ms), 1);
                let snapshot = AccountSnapshot { currency, equity: Some(equity), holdings: vec![], ..told };
                world.account.tell(AccountUpdated { snapshot }).unwrap();
            }
        }
        world.settle().await;
        assert_eq!(world.day_in_won().await.as_deref(), Some("0"));
    });
}

#[test]
fn accounts_that_were_told_before_the_rates_begin_the_day_with_them() {
    let late = |facts: &mut Facts| facts.currencies = vec![Currency::Krw, Currency::Usd];
    world(late, async |world| {
        world.tell(Currency::Krw, 6_000_000).await;
        world.tell(Currency::Usd, 10_000).await;
        assert_eq!(world.day_in_won().await, None);
        world.facts().in_won = Some(rates(world.clock.now()));
        tokio::time::sleep(Duration::from_secs(301)).await;
        assert_eq!(world.day_in_won().await.as_deref(), Some("0"));
    });
}

#[test]
fn a_rate_that_moves_is_no_loss() {
    world(abroad, async |world| {
        world.begin().await;
        let weak = WonRate::new(Decimal::from(1_000), Market::Kr.date_at(world.clock.now())).unwrap();
        world.facts().in_won.as_mut().unwrap().rates.insert(Currency::Usd, weak);
        tokio::time::sleep(Duration::from_secs(3_700)).await;
        world.tell(Currency::Usd, 10_000).await;
        assert_eq!(world.day_in_won().await.as_deref(), Some("0"));
    });
}

#[test]
fn a_rate_that_was_told_too_long_ago_begins_no_day() {
    let long_ago = |facts: &mut Facts| {
        abroad(facts);
        facts.in_won = Some(rates("2026-11-23T00:59:00Z".parse().unwrap()));
    };
    world(long_ago, async |world| {
        world.tell(Currency::Krw, 6_000_000).await;
        world.tell(Currency::Usd, 10_000).await;
        assert_eq!(world.day_in_won().await, None);
        let booked: Vec<Currency> = world.facts().won_parts.keys().copied().collect();
        assert_eq!(booked, [Currency::Krw]);
    });
}

#[test]
fn a_loss_in_won_beyond_the_limit_halts_when_a_second_account_tells_it_though_no_currencys_own_day_has_lost()
{
    world(abroad, async |world| {
        // The day of each currency began lower than the day in won.
        world.facts().day_start = Some(won(1));
        let high = |currency, equity: i64, rate: i64| WonPart {
            equity: Money::new(equity.into(), currency),
            rate: WonRate::new(rate.into(), Market::Kr.date_at(world.clock.now())).unwrap(),
        };
        let parts = [(Currency::Krw, 6_000_000, 1), (Currency::Usd, 11_000, 1_400)];
        let parts = parts.map(|(currency, equity, rate)| (currency, high(currency, equity, rate)));
        world.facts().won_parts = parts.into();
        for _account in 0..2 {
            world.tell(Currency::Krw, 6_000_000).await;
            world.tell(Currency::Usd, 11_000).await;
        }
        assert_eq!(world.state().await, TradingState::Active);
        world.log();
        world.tell(Currency::Usd, 10_400).await;
        assert_eq!(world.log(), ["broker: account"], "another look at once");
        assert_eq!(world.day_in_won().await.as_deref(), Some("-3.93"));
        assert_eq!(world.state().await, TradingState::Reducing, "no entries while it is looked at again");
        world.tell(Currency::Krw, 6_000_000).await;
        assert!(world.standing().await.is_empty(), "the won do not confirm what the dollars told");
        world.tell(Currency::Usd, 10_400).await;
        let status = world.status.ask(StatusQuery, Duration::from_secs(2)).await.unwrap();
        assert_eq!(status.state, TradingState::Halted);
        assert_eq!(status.halts[0].source, HaltSource::CircuitBreaker);
        assert_eq!(
            status.halts[0].reason,
            "the account in won 2026-11-24: -3.93 % is below -3.00 %; halting"
        );
        assert!(status.entry_blocks.contains(&"the account in won has lost more than 3 % today".to_owned()));
    });
}

#[test]
fn a_day_in_won_that_stays_unknown_lets_exits_only_through_until_it_is_known() {
    let untold = |facts: &mut Facts| facts.currencies = vec![Currency::Krw, Currency::Usd];
    world(untold, async |world| {
        world.tell(Currency::Krw, 6_000_000).await;
        world.tell(Currency::Usd, 10_000).await;
        tokio::time::sleep(Duration::from_secs(14 * 60)).await;
        assert_eq!(world.state().await, TradingState::Active, "a quarter of an hour may pass");
        tokio::time::sleep(Duration::from_secs(120)).await;
        let status = world.status.ask(StatusQuery, Duration::from_secs(2)).await.unwrap();
        assert_eq!(status.state, TradingState::Reducing);
        let why = "only exits until the day's result in won is known: it has not been for 15 minutes";
        assert!(status.entry_blocks.iter().any(|block| block == why), "{:?}", status.entry_blocks);
        world.facts().in_won = Some(rates(world.clock.now()));
        tokio::time::sleep(Duration::from_secs(301)).await;
        world.tell(Currency::Krw, 6_000_000).await;
        assert_eq!(world.state().await, TradingState::Active);
        let log: Vec<_> = world.log().into();
        let told = |part: &str| log.iter().filter(|line| line.contains(part)).count();
        let words = ("has been unknown for 15 minutes", "no longer stands against entries");
        assert_eq!((told(words.0), told(words.1)), (1, 1), "{log:?}");
    });
}

#[test]
fn a_person_who_lifted_a_loss_in_won_is_not_overruled_by_a_restart() {
    world(abroad, async |world| {
        world.facts().day_start = Some(won(1));
        world.begin().await;
        for _account in 0..2 {
            world.tell(Currency::Usd, 9_500).await;
        }
        assert_eq!(world.state().await, TradingState::Halted);
        world.request_resume(None).await.unwrap();
        world.restart();
        tokio::time::sleep(Duration::from_secs(1)).await;
        for _account in 0..3 {
            world.tell(Currency::Krw, 6_000_000).await;
            world.tell(Currency::Usd, 9_500).await;
        }
        assert!(world.standing().await.is_empty());
        assert_eq!(world.state().await, TradingState::Reducing, "entries stay shut while the loss lasts");
    });
}

#[test]
fn a_loss_in_won_at_the_limit_or_told_once_by_mistake_halts_nothing() {
    world(abroad, async |world| {
        world.facts().day_start = Some(won(1));
        world.begin().await;
        // Three percent of twenty million, to the won.
        world.tell(Currency::Krw, 5_400_000).await;
        world.tell(Currency::Krw, 5_400_000).await;
        assert_eq!(world.day_in_won().await.as_deref(), Some("-3"));
        world.tell(Currency::Krw, 100).await;
        world.tell(Currency::Krw, 6_000_000).await;
        world.tell(Currency::Krw, 100).await;
        assert!(world.standing().await.is_empty());
        assert_eq!(world.state().await, TradingState::Reducing);
    });
}
