//! Every trap that KIS's reference sheet records (KIS.md 22 and 23) is held by a test: this says which.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::architecture::rust_files;

/// A trap's section and number in KIS.md, and the tests that would fail if the project fell into it.
type Trap = (u32, u32, &'static [&'static str]);

#[rustfmt::skip]
const TRAPS: [Trap; 53] = [
    (22, 1, &["without_any_setting_it_trades_on_the_embedded_exchange_with_the_documented_defaults", "each_wrong_value_is_refused_with_its_name_and_what_is_allowed"]),
    (22, 2, &["foreign_rankings_use_the_addresses_of_the_settings_with_key_and_auth_present", "each_wrong_value_is_refused_with_its_name_and_what_is_allowed"]),
    (22, 3, &["a_paper_account_has_no_rankings_no_foreign_minute_bars_and_no_list_of_days", "paper_has_no_korean_list_and_searches_abroad"]),
    (22, 4, &["without_any_setting_it_trades_on_the_embedded_exchange_with_the_documented_defaults", "turns_are_spaced_evenly_also_after_an_idle_time"]),
    (22, 5, &["exactly_one_post_leaves_whatever_comes_back"]),
    (22, 6, &["every_certificate_is_judged_by_chain_dates_and_name_and_one_other_name_is_taken_for_the_paper_host_alone"]),
    (22, 7, &["the_basis_says_which_measure_halts"]),
    (22, 8, &["exactly_one_post_leaves_whatever_comes_back", "a_read_is_tried_three_times_with_growing_pauses"]),
    (22, 9, &["a_restart_uses_the_kept_token_and_other_credentials_do_not", "two_issues_are_never_closer_than_65_seconds"]),
    (22, 10, &["a_korean_order_has_upper_case_keys_and_nothing_but_texts", "hong_kong_is_bought_in_known_board_lots_and_a_remnant_is_sold_as_an_odd_lot"]),
    (22, 11, &["each_market_has_its_own_ids_for_both_sides_and_both_environments", "every_foreign_market_has_one_row_and_reads_back_from_its_order_code"]),
    (22, 12, &["equity_counts_what_open_purchases_have_locked", "missing_numbers_stop_entries_and_no_exit"]),
    (22, 13, &["documented_days_have_their_documented_hours", "an_order_outside_the_brokers_hours_is_refused_with_those_hours"]),
    (22, 14, &["an_account_number_is_eight_digits_a_dash_and_two_and_stays_hidden"]),
    (23, 1, &["an_entry_beyond_the_order_limit_is_refused_and_an_exit_of_any_size_is_not"]),
    (23, 2, &["a_purchase_refused_for_money_waits_and_the_wait_is_not_prolonged_by_its_own_refusals", "cash_that_is_gone_or_reserved_buys_nothing", "exactly_one_post_leaves_whatever_comes_back"]),
    (23, 3, &["halted_stocks_are_filtered_from_rankings_and_fallback_but_a_holding_stays", "a_scan_tells_the_top_stocks_and_every_holding"]),
    (23, 4, &["foreign_rankings_use_the_addresses_of_the_settings_with_key_and_auth_present"]),
    (23, 5, &["foreign_rankings_use_the_addresses_of_the_settings_with_key_and_auth_present"]),
    (23, 6, &["a_quote_uses_the_quote_code_and_reads_signed_blank_padded_rates", "an_answer_of_empty_texts_is_no_price_of_zero"]),
    (23, 7, &["cash_that_nobody_tells_is_absent_and_equity_with_it", "a_paper_account_is_asked_exchange_by_exchange_and_by_a_stock_it_knows"]),
    (23, 8, &["a_foreign_order_names_the_order_exchange_and_marks_a_sale"]),
    (23, 9, &["each_market_has_its_own_ids_for_both_sides_and_both_environments"]),
    (23, 10, &["what_has_worked_for_too_long_is_cancelled_even_while_no_list_comes"]),
    (23, 11, &["the_korean_price_change_list_is_sorted_here_and_keeps_only_codes", "the_korean_ranking_takes_one_digit_to_sort_by"]),
    (23, 12, &["only_confirmed_shares_are_sold", "trap_23_12_a_holding_of_which_nothing_may_be_sold_counts_and_says_so", "a_sale_of_more_than_the_exchange_would_sell_is_not_sent_and_the_account_is_read_again"]),
    (23, 13, &["an_empty_field_is_absent_and_a_zero_price_is_no_price", "an_answer_of_empty_texts_is_no_price_of_zero"]),
    (23, 14, &["prices_are_written_with_the_decimals_of_their_market", "terms_that_the_market_would_refuse_never_become_a_request"]),
    (23, 15, &["cash_that_nobody_tells_is_absent_and_equity_with_it"]),
    (23, 16, &["trap_23_16_cash_is_the_amount_with_the_proceeds_of_sales_whatever_the_others_say"]),
    (23, 17, &["a_certain_refusal_is_not_asked_again", "described_refusals_are_certain"]),
    (23, 18, &["an_order_outside_the_brokers_hours_is_not_sent"]),
    (23, 19, &["a_korean_order_has_upper_case_keys_and_nothing_but_texts"]),
    (23, 20, &["one_unresolved_order_closes_its_symbol_except_for_an_exit_from_confirmed_shares"]),
    (23, 21, &["the_order_list_of_a_market_has_its_own_orders_of_that_local_date", "a_real_us_account_is_asked_once_because_nasd_means_the_whole_country"]),
    (23, 22, &["a_sale_realises_the_amount_minus_the_average_cost"]),
    (23, 23, &["two_currencies_are_never_added"]),
    (23, 24, &["an_order_whose_reply_was_lost_is_claimed_from_the_list_with_its_fills"]),
    (23, 25, &["two_issues_are_never_closer_than_65_seconds", "the_token_is_replaced_before_it_ends"]),
    (23, 26, &["a_dead_token_is_replaced_once_when_the_exchange_allows_it", "a_dead_token_on_an_order_is_replaced_by_the_next_prepare"]),
    (23, 27, &["the_us_open_moves_by_an_hour_with_daylight_saving_seen_from_korea"]),
    (23, 28, &["trap_23_28_prices_are_decimals_and_one_without_its_point_is_divided_or_refused"]),
    (23, 29, &["trap_23_29_a_us_price_of_the_day_session_finds_its_stock_by_symbol_and_two_of_a_name_by_exchange"]),
    (23, 30, &["the_paper_host_knows_its_own_ids_and_has_no_rankings", "the_paper_host_answers_in_the_same_shapes_or_says_that_it_does_not"]),
    (23, 31, &["a_day_without_orders_is_an_object_of_blanks_and_paper_filters_nothing", "the_order_list_is_read_to_the_end_without_cancel_requests"]),
    (23, 32, &["invariant_09_shares_from_before_are_adopted_once_and_own_fills_explain_the_rest"]),
    (23, 33, &["one_unresolved_order_closes_its_symbol_except_for_an_exit_from_confirmed_shares", "what_still_works_after_its_time_is_cancelled_and_its_end_comes_from_the_list"]),
    (23, 34, &["a_day_adds_up_its_trades_and_the_profit_is_after_the_fees_of_selling"]),
    (23, 35, &["a_korean_order_has_upper_case_keys_and_nothing_but_texts", "a_sound_proposal_gets_a_marketable_limit_and_a_size"]),
    (23, 36, &["a_cancel_names_the_branch_at_home_and_the_rest_abroad", "a_changed_order_has_a_new_number_and_is_cancelled_by_that_one_alone"]),
    (23, 37, &["registrations_follow_what_is_wanted_and_trap_23_37_are_given_back_with_tr_type_2"]),
    (23, 38, &["each_market_has_its_own_ids_for_both_sides_and_both_environments", "every_foreign_market_has_one_row_and_reads_back_from_its_order_code"]),
    (23, 39, &["the_example_file_and_the_readme_table_are_generated_from_the_settings", "each_wrong_value_is_refused_with_its_name_and_what_is_allowed"]),
];

/// Names of the functions that carry a test attribute.
fn tests_of(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut is_test = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with("#[test]")
            || line.starts_with("#[tokio::test")
            || line.starts_with("#[actix::test")
        {
            is_test = true;
        } else if let Some((_, rest)) = line.split_once("fn ").filter(|_| is_test && !line.starts_with("//"))
        {
            names.extend(rest.split(['(', '<']).next().map(str::to_owned));
            is_test = false;
        }
    }
    names
}

#[test]
fn every_trap_of_the_reference_sheet_is_held_by_a_test_that_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files: Vec<PathBuf> =
        ["actors", "src", "tests"].into_iter().flat_map(|folder| rust_files(&root.join(folder))).collect();
    let exist: BTreeSet<String> =
        files.iter().flat_map(|file| tests_of(&std::fs::read_to_string(file).unwrap())).collect();
    for (section, number, names) in TRAPS {
        assert!(!names.is_empty());
        let missing: Vec<_> = names.iter().filter(|name| !exist.contains(**name)).collect();
        assert!(missing.is_empty(), "trap {section}.{number}: no test is called {missing:?}");
    }
}

#[test]
fn the_table_of_traps_has_every_row_of_the_reference_sheet_once() {
    let known: Vec<(u32, u32)> = TRAPS.iter().map(|(section, number, _)| (*section, *number)).collect();
    let rows = |section: u32, last: u32| (1..=last).map(move |number| (section, number));
    assert_eq!(known, rows(22, 14).chain(rows(23, 39)).collect::<Vec<_>>());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/reference/kis/KIS.md");
    let Ok(sheet) = std::fs::read_to_string(&path) else {
        assert!(
            std::env::var("KESTREL_STRICT").is_err(),
            "KESTREL_STRICT is set, and {} is missing",
            path.display()
        );
        return println!("skipped: {} is missing", path.display());
    };
    for section in [22, 23] {
        let text = sheet.split(&format!("\n## {section}. ")).nth(1).unwrap().split("\n## ").next().unwrap();
        let cell = |line: &str| line.strip_prefix("| ")?.split_once(" |")?.0.parse::<u32>().ok();
        let numbers: Vec<u32> = text.lines().filter_map(cell).collect();
        let mapped: Vec<u32> =
            known.iter().filter(|(own, _)| *own == section).map(|(_, number)| *number).collect();
        assert_eq!(mapped, numbers, "section {section}");
    }
}
