//! The checklist of KIS.md 21, line by line: what the exchange must reproduce, and the tests that hold it.

use std::fs;
use std::path::Path;

/// Area as the sheet calls it, behaviour, and the tests that hold it. An area may take several lines.
const CHECKLIST: &[(&str, &str, &[&str])] = &[
    (
        "hosts",
        "one server plays either host; paper refuses real ids and services that it does not have",
        &[
            "the_paper_host_knows_its_own_ids_and_has_no_rankings",
            "the_paper_host_answers_in_the_same_shapes_or_says_that_it_does_not",
        ],
    ),
    (
        "auth",
        "a token lives a day, is kept for six hours, and is asked for once a minute; every header is checked",
        &[
            "a_token_dies_after_a_day_and_a_wrong_secret_never_gets_one",
            "a_token_is_kept_for_six_hours_and_asked_for_once_a_minute",
            "each_missing_or_wrong_header_has_its_own_code",
        ],
    ),
    (
        "rate",
        "20 or 2 requests a second for one app key; a ledger rate of its own",
        &[
            "the_rate_is_counted_in_exchange_time",
            "every_code_is_drawn_by_a_request_that_deserves_it_and_comes_in_its_form",
        ],
    ),
    (
        "body rules",
        "no small letters, no numbers, no missing parameter",
        &[
            "a_body_with_numbers_or_small_letters_is_refused",
            "a_parameter_that_is_left_out_is_named_even_where_it_may_be_empty",
        ],
    ),
    (
        "orders",
        "step, limits, lot, decimals, session, cash, sellable shares; rising numbers of ten digits",
        &[
            "an_order_that_breaks_a_rule_is_refused_with_its_code",
            "what_the_market_would_not_take_is_refused_with_the_code_for_it",
            "tokyo_takes_half_a_yen_for_a_stock_of_the_topix_500_below_3000_and_for_no_other",
            "orders_are_refused_before_the_session_after_it_and_on_the_weekend",
            "no_order_is_taken_on_a_closed_date",
            "tokyo_and_vietnam_take_no_orders_at_noon_and_hong_kong_and_china_do",
            "the_buyable_quantity_is_taken_to_the_last_share_and_not_one_more",
            "shares_bought_in_china_today_are_sold_tomorrow_at_the_earliest",
            "a_large_order_fills_in_parts_and_its_row_obeys_the_law_all_along",
        ],
    ),
    (
        "matching",
        "partial fills, resting orders, expiry at the close, a change is a new number",
        &[
            "a_large_order_fills_in_parts_and_its_row_obeys_the_law_all_along",
            "a_resting_order_fills_at_its_limit_when_the_price_comes_to_it",
            "what_is_unfilled_at_the_close_expires_and_frees_its_cash",
            "a_changed_order_has_a_new_number_and_is_cancelled_by_that_one_alone",
            "a_change_that_the_cash_does_not_bear_leaves_the_order_as_it_was",
            "over_random_days_cash_and_shares_are_conserved_and_never_negative",
        ],
    ),
    (
        "ledgers",
        "sold-out rows, deposits of three days, blank objects, padding, pages of either host",
        &[
            "the_korean_balance_adds_up_and_knows_what_changed_since_yesterday",
            "a_sold_out_position_stays_visible_for_one_more_trading_day",
            "without_orders_the_us_list_is_one_object_of_blanks",
            "the_us_balance_has_a_blank_row_at_its_end_and_present_balance_the_cash",
            "korean_orders_are_paged_to_the_end_newest_first",
            "us_orders_are_paged_to_the_end_oldest_first",
            "the_paper_host_pages_by_fifteen",
            "the_header_the_keys_and_the_code_of_a_page_agree",
            "texts_are_padded_in_bytes_of_the_ledgers_own_encoding",
        ],
    ),
    (
        "quotes",
        "seeded prices, blanks for strangers, signs and decimals of each market",
        &[
            "the_same_seed_gives_the_same_day_and_another_seed_another",
            "how_often_the_exchange_is_asked_changes_nothing",
            "us_quotes_know_signs_and_answer_strangers_with_blanks",
            "quotes_carry_the_markets_decimals_lot_and_currency",
            "a_holiday_shows_the_prices_of_the_last_session_and_takes_no_orders",
        ],
    ),
    (
        "ws",
        "approval key, answers, 41 registrations, one line per key, keep-alives, frames of several records, sealed notices",
        &[
            "an_approval_key_wants_the_secret_under_its_other_name",
            "forty_one_registrations_are_taken_and_the_next_is_refused_with_the_real_code",
            "what_is_wrong_is_refused_with_its_code_and_some_of_it_ends_the_line",
            "notices_are_sealed_with_the_keys_of_their_registration_and_have_the_fields_of_the_sheet",
            "steps_that_passed_together_come_in_one_frame_with_the_fields_of_the_sheet",
            "keep_alives_come_and_a_line_that_never_sends_them_back_is_cut",
        ],
    ),
    (
        "faults",
        "late rows, frozen quotes, rejects after acceptance",
        &["faults_strike_as_often_as_they_are_set_and_within_their_bounds"],
    ),
    (
        "faults",
        "a reply that is lost, late, empty or of doubt after the order was taken; repeated rows; a dead token: in \
         verification's network, in front of this exchange",
        &["a_few_seeds_trade_crash_and_violate_nothing", "what_was_never_met_is_missing"],
    ),
    (
        "faults",
        "the stream's line is cut",
        &["a_line_that_was_cut_comes_back_with_its_registrations_even_when_its_key_was_forgotten"],
    ),
    (
        "clock",
        "injected; Korean time everywhere, local dates abroad",
        &[
            "the_us_open_moves_by_an_hour_with_daylight_saving_seen_from_korea",
            "every_answer_is_dated_by_the_exchanges_own_clock_and_so_shows_no_skew",
        ],
    ),
];

fn sources(folder: &Path, found: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn every_line_of_the_checklist_is_held_by_tests_that_exist() {
    let mut text = String::new();
    for folder in ["src/simulator", "src/verify", "tests"] {
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut text);
    }
    for (area, behaviour, tests) in CHECKLIST {
        assert!(!tests.is_empty(), "{area}: {behaviour}: nothing holds it");
        for test in *tests {
            assert!(text.contains(&format!("fn {test}(")), "{area}: {behaviour}: there is no test {test}");
        }
    }
}

#[test]
fn the_checklist_has_every_area_of_the_reference_sheet_in_its_order() {
    let mut areas: Vec<&str> = CHECKLIST.iter().map(|(area, _, _)| *area).collect();
    areas.dedup();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/reference/kis/KIS.md");
    let Ok(sheet) = fs::read_to_string(path) else {
        assert!(!std::env::var("KESTREL_STRICT").is_ok_and(|value| value == "1"), "KIS.md is missing");
        return println!("skipped: ../shared/reference/kis/KIS.md is not there");
    };
    let section = sheet.split("\n## 21. ").nth(1).unwrap().split("\n---").next().unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" |"));
    let listed: Vec<&str> = rows.map(|(area, _)| area).filter(|area| *area != "area").collect();
    assert_eq!(areas, listed.iter().map(|area| area.trim_end_matches(" (test only)")).collect::<Vec<_>>());
}
