//! Halts at random instants.

use super::*;

/// A reproducible stream of numbers.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// What may leave after a halt's row was written and before its release.
fn orders_under_a_halt(log: &[String]) -> Vec<usize> {
    let mut halted = false;
    let mut found = Vec::new();
    for (place, line) in log.iter().enumerate() {
        match line.as_str() {
            "ledger: halt" => halted = true,
            "broker: order" if halted => found.push(place),
            line if line.starts_with("ledger: release") => halted = false,
            _ => {}
        }
    }
    found
}

#[test]
fn invariant_10_two_hundred_halts_at_random_instants_let_nothing_through_until_a_named_resume() {
    trading(async |world| {
        let change = Duration::from_millis;
        let mut dice = Dice(7);
        let mut log: Vec<String> = Vec::new();
        for number in 0..200 {
            world.facts().approval_takes = change(dice.below(8));
            world.facts().halt_takes = change(dice.below(8));
            world.facts().approved.clear();
            // A life of its own forgets the count, so that the ceilings do not hide what is looked for.
            world.restart();
            tokio::time::sleep(Duration::from_secs(1)).await;
            world.tell_account(10_000_000).await;
            for symbol in ["005930", "000660", "035420"] {
                world.propose.tell(world.proposal(symbol, Side::Buy)).unwrap();
                tokio::time::sleep(change(dice.below(5))).await;
            }
            let halted = world.request_halt(&format!("halt {number}")).await;
            if dice.below(2) == 0 {
                world.restart();
            }
            for symbol in ["051910", "006400"] {
                tokio::time::sleep(change(dice.below(400))).await;
                world.propose.tell(world.proposal(symbol, Side::Buy)).unwrap();
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
            assert!(!world.gate.is_open());
            log.extend(world.log());
            assert_eq!(orders_under_a_halt(&log), Vec::<usize>::new());
            world.request_resume(Some(&halted.record.id)).await.unwrap();
            let placed = std::mem::take(&mut world.facts().placed);
            for (intent, terms) in placed {
                let (state, filled, at) = (OrderState::Expired, Quantity::ZERO, world.clock.now());
                world.update.tell(OrderUpdate { intent, terms, state, filled, at }).unwrap();
            }
            world.settle().await;
        }
        assert!(orders(&log) > 100, "orders did leave between the halts: {}", orders(&log));
    });
}
