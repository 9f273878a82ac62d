//! Halts of single stocks and a person's word on them.

use domain::messages::symbols::*;
use domain::{Instrument, IntentId, OrderTerms};

use super::world::stock;
use super::*;

fn halt(id: u64, instrument: Instrument) -> SymbolHalt {
    let (cause, reason) = (SymbolHaltCause::Dispute, "twins".to_owned());
    SymbolHalt { id, instrument, at: DateTime::<Utc>::MIN_UTC, cause, reason }
}

fn release(symbol: &str) -> RequestSymbolRelease {
    RequestSymbolRelease { instrument: stock(symbol), by: "kim".into(), reason: "looked".into() }
}

fn open_buy(state: OrderState) -> OpenIntent {
    let terms = OrderTerms {
        instrument: stock("000660"),
        side: Side::Buy,
        quantity: Quantity::new(1),
        limit: "70000".parse().unwrap(),
    };
    OpenIntent {
        id: IntentId::new(0, 9),
        terms,
        state,
        venue_order: None,
        filled: Quantity::ZERO,
        sent_at: None,
        watermark: None,
        session_date: "2026-11-24".parse().unwrap(),
        approved_at: DateTime::<Utc>::MIN_UTC,
        missed_inquiries: 0,
    }
}

#[test]
fn invariant_06_a_stock_halted_before_the_start_is_closed_on_both_sides_until_a_person_releases_it() {
    world(
        |facts| facts.symbol_halts = vec![halt(1, stock("005930"))],
        async |world| {
            world.tell_account(10_000_000).await;
            world.log();
            world.propose("005930", Side::Buy).await;
            world.propose("005930", Side::Sell).await;
            assert_eq!(world.log(), ["refused: SymbolHalted", "refused: SymbolHalted"]);
            world.propose("000660", Side::Buy).await;
            assert_eq!(world.log(), ["ledger: approval", "broker: order"]);
            let released =
                world.release.ask(release("005930"), Duration::from_secs(5)).await.unwrap().unwrap();
            assert_eq!(released.lifted.len(), 1);
            world.propose("005930", Side::Sell).await;
            let expected = ["ledger: KR:005930 released by kim", "ledger: approval", "broker: order"];
            assert_eq!(world.log(), expected);
        },
    );
}

#[test]
fn a_stock_halted_while_trading_is_closed_at_once_and_shown_by_the_status() {
    trading(async |world| {
        world.symbol_halted.tell(SymbolHalted { halt: halt(2, stock("005930")) }).unwrap();
        world.propose("005930", Side::Buy).await;
        assert!(world.log().contains(&"refused: SymbolHalted".to_owned()));
        let status = world.status.ask(domain::messages::control::StatusQuery, Duration::from_secs(2)).await;
        assert_eq!(status.unwrap().symbol_halts.len(), 1);
    });
}

#[test]
fn nothing_trades_before_the_ledger_has_told_which_stocks_are_halted() {
    trading(async |world| {
        world.facts().ledger_silent = true;
        world.restart();
        world.settle().await;
        assert!(!world.gate.is_open());
        world.facts().ledger_silent = false;
        tokio::time::sleep(Duration::from_secs(30)).await;
        assert!(world.gate.is_open());
    });
}

#[test]
fn a_lost_answer_to_a_release_is_not_called_done_and_the_books_are_read_again() {
    world(
        |facts| facts.symbol_halts = vec![halt(1, stock("005930"))],
        async |world| {
            world.tell_account(10_000_000).await;
            world.facts().ledger_silent = true;
            let answer = world.release.ask(release("005930"), Duration::from_secs(10)).await.unwrap();
            assert!(matches!(answer, Err(PersonError::Unconfirmed(_))), "{answer:?}");
            {
                let mut facts = world.facts();
                facts.ledger_silent = false;
                facts.symbol_halts.clear();
            }
            tokio::time::sleep(Duration::from_secs(10)).await;
            world.tell_account(10_000_000).await;
            world.log();
            world.propose("005930", Side::Sell).await;
            assert_eq!(world.log(), ["ledger: approval", "broker: order"]);
        },
    );
}

#[test]
fn a_resolution_reaches_riskguards_own_books_and_a_refusal_its_person() {
    world(
        |facts| facts.open = vec![open_buy(OrderState::Unknown)],
        async |world| {
            world.tell_account(10_000_000).await;
            world.propose("000660", Side::Sell).await;
            let request = |intent| RequestResolution {
                intent,
                resolution: Resolution::Order("101".into()),
                by: "kim".into(),
                reason: "seen in the app".into(),
            };
            let within = Duration::from_secs(5);
            let unknown = world.resolve.ask(request(IntentId::new(0, 8)), within).await.unwrap();
            assert!(matches!(unknown, Err(PersonError::Refused(_))), "{unknown:?}");
            let resolved = world.resolve.ask(request(IntentId::new(0, 9)), within).await.unwrap().unwrap();
            assert_eq!(resolved.update.state, OrderState::Accepted);
            let status = world.status.ask(domain::messages::control::StatusQuery, within).await.unwrap();
            assert_eq!(status.live[0].state, OrderState::Accepted);
        },
    );
}
