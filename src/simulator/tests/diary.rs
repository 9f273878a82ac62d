//! An exchange that outlives its process has the books it had, to the last share, wherever the process ended.

use std::fs;
use std::io::Write as _;

use chrono::TimeDelta;
use domain::Clock as _;

use super::world::{KOREAN_OPEN, World};
use crate::simulator::Past;

#[tokio::test]
async fn an_exchange_that_is_started_again_has_the_same_orders_fills_and_cash_at_any_moment() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("exchange.jsonl");
    let world = World::kept(&path, KOREAN_OPEN.parse().unwrap()).await;
    let price = |quote: serde_json::Value, field: &str| quote[field].as_str().unwrap().to_owned();
    for minute in 0..6_i64 {
        let quote = world.korean_price("910100").await;
        let (upper, lower) = (price(quote.clone(), "stck_mxpr"), price(quote, "stck_llam"));
        world.buy("910100", 1_400, &upper).await;
        assert!(world.buy("910100", 10, &lower).await.is_ok());
        world.sell("910100", 300, &lower).await;
        world.buy("no such stock", 1, &lower).await;
        world.clock.forward(TimeDelta::seconds(7 + 11 * minute));
        let books = world.exchange.books();
        // As a crash leaves it: a line that was not written to its end.
        let mut torn = fs::OpenOptions::new().append(true).open(&path).unwrap();
        torn.write_all(b"{\"line\":\"taken\",\"at\":\"2026").unwrap();
        let copy = folder.path().join(format!("{minute}.jsonl"));
        fs::copy(&path, &copy).unwrap();
        fs::write(&path, fs::read_to_string(&path).unwrap().rsplit_once('\n').unwrap().0.to_owned() + "\n")
            .unwrap();
        let again = World::kept(&copy, world.clock.now()).await;
        let found = again.exchange.books();
        assert_eq!((found.orders, found.positions, found.cash), (books.orders, books.positions, books.cash));
        // It goes on writing after the last whole line.
        assert!(again.buy("910100", 1, &lower).await.is_ok());
        let orders = again.exchange.books().orders.len();
        let third = World::kept(&copy, again.clock.now()).await;
        assert_eq!(third.exchange.books().orders.len(), orders);
    }
    assert!(world.exchange.books().orders.iter().any(|order| order.filled.get() > 0), "something was filled");
}

#[tokio::test]
async fn its_time_and_its_end_are_written_and_a_foreign_file_is_named_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("exchange.jsonl");
    let start = KOREAN_OPEN.parse().unwrap();
    assert!(Past::read(&path).unwrap().is_none());
    let world = World::kept(&path, start).await;
    let noted = |path| Past::read(path).unwrap().unwrap();
    for (forward_s, last_s) in [(30, 0), (29, 0), (1, 60), (59, 60), (61, 180)] {
        world.clock.forward(TimeDelta::seconds(forward_s));
        world.exchange.note_time(TimeDelta::seconds(60));
        assert_eq!((noted(&path).last - start).num_seconds(), last_s);
    }
    assert!(!noted(&path).is_over);
    world.exchange.note_end();
    assert!(noted(&path).is_over);
    fs::write(&path, "{\"line\":\"time\",\"at\":\"2026-06-01T00:00:00Z\"}\n").unwrap();
    assert!(Past::read(&path).unwrap_err().to_string().contains("line 1 of"));
    fs::write(&path, "not json\n").unwrap();
    let error = Past::read(&path).unwrap_err().to_string();
    assert!(error.contains("line 1 of") && error.contains("move the file away"), "{error}");
}
