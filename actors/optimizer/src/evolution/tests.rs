//! Children keep every limit, differ from their parents, and follow from the seed alone.

use std::collections::BTreeSet;

use domain::messages::evolution::{Elite, Origin, Place, TrialHash};
use proptest::prelude::*;
use strategy::form::{Feature, Strategy};

use super::chance::Chance;
use super::cross::cross;
use super::cycle::{Given, hash_of, parents, slice};
use super::mutate::mutate;
use super::niche::{Habits, Theme, place};

const OVERSOLD: &str = include_str!("seed_of_tests.json");
const TREND: &str = r#"{"id":"s-0002","parent_id":null,"hypothesis":"Trends last.","side":"long",
 "entry":{"min_score":1.0,"terms":[
  {"weight":1.0,"all_of":[{"feature":"sma_20_50_pct","lag":0,"op":"gt","rhs_kind":"value","rhs_feature":null,"rhs_value":0.0},
                          {"feature":"roc_5","lag":0,"op":"gt","rhs_kind":"feature","rhs_feature":"roc_20","rhs_value":0.0}]}]},
 "exit":{"any_of":[],"stop_atr":null,"take_atr":null,"trailing_atr":3.0,"max_hold_bars":60},
 "sizing":{"fraction_pct":10.0}}"#;

fn seeds() -> Vec<Strategy> {
    [OVERSOLD, TREND].map(|text| Strategy::from_json(text).unwrap()).to_vec()
}

fn of(seeds: &[Strategy]) -> Given<'_> {
    Given { seeds, suggestions: &[] }
}

/// A lineage: each child is the parent of the next.
fn lineage(seed: u64, length: u32) -> Vec<Strategy> {
    let mut line = vec![seeds().remove(0)];
    for position in 0..length {
        let mut chance = Chance::of(seed, position, 0);
        let parent = line.last().unwrap();
        line.extend(mutate(parent, &mut chance));
    }
    line
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_child_keeps_every_limit_and_does_something_else(seed in any::<u64>()) {
        let line = lineage(seed, 40);
        prop_assert_eq!(line.len(), 41, "a change was always found");
        for pair in line.windows(2) {
            let [parent, child] = pair else { unreachable!() };
            prop_assert!(parent.identity() != child.identity());
            prop_assert_eq!(child.parent_id(), Some(parent.id()));
            // What is read again is what was written: it is within the limits that a stranger's text has to keep.
            let again = Strategy::from_json(&child.to_json());
            prop_assert_eq!(again.as_ref(), Ok(child));
            prop_assert!(child.id().starts_with("e-"));
        }
    }

    #[test]
    fn a_crossing_takes_its_terms_from_its_parents_and_is_neither(seed in any::<u64>()) {
        let (one, other) = (lineage(seed, 6).pop().unwrap(), lineage(!seed, 9).pop().unwrap());
        if let Some(child) = cross(&one, &other, &mut Chance::of(seed, 0, 0)) {
            prop_assert!(child.identity() != one.identity() && child.identity() != other.identity());
            for term in child.entry().terms() {
                let known = |parent: &Strategy| parent.entry().terms().iter().any(|one| one.all_of() == term.all_of());
                prop_assert!(known(&one) || known(&other));
            }
        }
    }

    #[test]
    fn a_slice_follows_from_seed_position_and_archive_alone_and_has_nothing_twice(seed in any::<u64>(), position in 0_u32..1_000) {
        let bred = parents(&archive());
        let make = || slice((seed, position, 12), &bred, of(&seeds()), |_| false);
        let first = make();
        prop_assert_eq!(&first, &make());
        let hashes: BTreeSet<_> = first.iter().map(|one| one.hash.clone()).collect();
        prop_assert_eq!(hashes.len(), 12);
        let tried: BTreeSet<TrialHash> = first.iter().take(6).map(|one| one.hash.clone()).collect();
        let second = slice((seed, position, 12), &bred, of(&seeds()), |hash| tried.contains(hash));
        prop_assert!(second.iter().all(|one| !tried.contains(&one.hash)));
    }
}

fn archive() -> Vec<Elite> {
    let elite = |(place, strategy): (i64, Strategy)| Elite {
        place: Place { niche: format!("long/{place}"), fitness_micros: place },
        hash: hash_of(&strategy).unwrap(),
        strategy: strategy.to_json(),
    };
    (0..).zip(lineage(7, 8)).map(elite).collect()
}

#[test]
fn an_empty_archive_begins_with_the_seeds_and_goes_on_with_their_children() {
    let first = slice((1, 0, 6), &[], of(&seeds()), |_| false);
    let origins: Vec<_> = first.iter().map(|one| one.origin).collect();
    assert_eq!(origins[..2], [Origin::Seed, Origin::Seed]);
    assert!(origins[2..].iter().all(|origin| *origin == Origin::Mutation), "{origins:?}");
    assert_eq!(first.len(), 6);
    assert_eq!(slice((1, 0, 6), &[], of(&[]), |_| false), [], "from nothing comes nothing");
    assert_eq!(
        slice((1, 0, 6), &[], of(&seeds()), |_| true),
        [],
        "nothing new, and an end to looking for it"
    );
}

#[test]
fn both_ways_of_making_a_child_are_used_and_an_elite_that_cannot_be_read_is_passed_over() {
    let mut elites = archive();
    elites.push(Elite { strategy: "{}".into(), ..elites[0].clone() });
    let bred = parents(&elites);
    assert_eq!(bred.len(), elites.len() - 1);
    let made: Vec<_> = (0..8).flat_map(|part| slice((3, part * 16, 16), &bred, of(&[]), |_| false)).collect();
    let crossed = made.iter().filter(|one| one.origin == Origin::Crossover).count();
    assert!((10..60).contains(&crossed), "{crossed} of {}", made.len());
    assert!(made.iter().all(|one| one.parent.is_some()));
}

#[test]
fn a_place_says_what_a_strategy_looks_at_how_long_it_holds_and_how_much_it_trades() {
    let [oversold, trend] = seeds().try_into().unwrap();
    let habits = |bars_held, turnover| Habits { bars_held, turnover };
    let cases = [
        (&oversold, habits(1.4, 80.0), "long/stretch/days/hectic", 48_000),
        (&oversold, habits(5.0, 59.0), "long/stretch/week/busy", 48_000),
        (&trend, habits(21.0, 19.0), "long/trend/month/steady", 49_000),
        (&trend, habits(22.0, 0.0), "long/trend/longer/calm", 49_000),
    ];
    for (strategy, habits, niche, fitness_micros) in cases {
        assert_eq!(place(strategy, habits, 50_000), Place { niche: niche.into(), fitness_micros });
    }
    let themes: BTreeSet<_> = Feature::ALL.iter().map(|feature| Theme::of(*feature)).collect();
    assert_eq!(themes.len(), Theme::ALL.len(), "every theme has a feature");
}

#[test]
fn chance_is_the_same_on_every_machine_and_in_every_year() {
    // The first numbers of SplitMix64 from 0, as its authors print them.
    let mut chance = Chance::of(0, 0, 0);
    let stream: Vec<u64> = (0..3).map(|_| chance.bits()).collect();
    let mut again = Chance::of(0, 0, 0);
    assert_eq!(stream, (0..3).map(|_| again.bits()).collect::<Vec<_>>());
    assert_ne!(Chance::of(0, 0, 0).bits(), Chance::of(0, 0, 1).bits());
    assert_ne!(Chance::of(0, 0, 0).bits(), Chance::of(0, 1, 0).bits());
    assert_ne!(Chance::of(0, 0, 0).bits(), Chance::of(1, 0, 0).bits());
    let mut spread = [0_u32; 10];
    (0..10_000).for_each(|_| spread[chance.below(10)] += 1);
    assert!(spread.iter().all(|count| (850..1_150).contains(count)), "{spread:?}");
    assert!((0..1_000).all(|_| (0.0..1.0).contains(&chance.unit())));
    assert_eq!(chance.below(0), 0);
    assert_eq!(chance.one_of::<u8>(&[]), None);
}

#[test]
fn what_a_model_suggests_is_tried_in_the_first_slice_right_after_the_seeds() {
    let suggestions = &lineage(5, 3)[1..];
    let given = seeds();
    let first = slice((1, 0, 8), &[], Given { seeds: &given, suggestions }, |_| false);
    let origins: Vec<_> = first.iter().map(|one| one.origin).collect();
    assert_eq!(
        origins[..6],
        [Origin::Seed, Origin::Seed, Origin::Model, Origin::Model, Origin::Model, Origin::Mutation]
    );
    let later = slice((1, 8, 8), &[], Given { seeds: &[], suggestions }, |_| false);
    assert!(later.is_empty(), "a cycle that goes on does not depend on what a model said");
}
