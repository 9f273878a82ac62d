//! Names of closed days, for people: the table alone decides which days are closed.
//!
//! A name is found by its exact date, or else by the days of the year that the holiday can fall on, days in lieu
//! included.

use chrono::NaiveDate;
use domain::Market;

/// Markets that share their holidays' names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Country {
    Korea,
    UnitedStates,
    Japan,
    HongKong,
    China,
    Vietnam,
}

fn country(market: Market) -> Country {
    match market {
        Market::Kr => Country::Korea,
        Market::UsNasdaq | Market::UsNyse | Market::UsAmex => Country::UnitedStates,
        Market::Jp => Country::Japan,
        Market::Hk => Country::HongKong,
        Market::CnSha | Market::CnSza => Country::China,
        Market::VnHan | Market::VnHcm => Country::Vietnam,
    }
}

/// The name of the closed weekday `date`, where known.
pub(super) fn name(market: Market, date: NaiveDate) -> Option<&'static str> {
    let country = country(market);
    let (exact, day) = (date.format("%Y-%m-%d").to_string(), date.format("%m-%d").to_string());
    let once = ONCE.iter().find(|(of, on, _)| *of == country && *on == exact).map(|(_, _, name)| *name);
    once.or_else(|| {
        let yearly = YEARLY.iter().filter(|(of, _, _, _)| *of == country);
        let mut found = yearly.filter(|(_, from, to, _)| *from <= day.as_str() && day.as_str() <= *to);
        found.next().map(|(_, _, _, name)| *name)
    })
}

use Country::{China, HongKong, Japan, Korea, UnitedStates, Vietnam};

/// What closed a market once, and holidays that fall on another one's days.
const ONCE: &[(Country, &str, &str)] = &[
    (Korea, "2015-08-14", "Temporary holiday"),
    (Korea, "2016-04-13", "Parliamentary election"),
    (Korea, "2016-05-06", "Temporary holiday"),
    (Korea, "2017-05-03", "Buddha's Birthday"),
    (Korea, "2017-05-09", "Presidential election"),
    (Korea, "2017-10-02", "Temporary holiday"),
    (Korea, "2018-06-13", "Local elections"),
    (Korea, "2020-04-15", "Parliamentary election"),
    (Korea, "2020-04-30", "Buddha's Birthday"),
    (Korea, "2020-08-17", "Temporary holiday"),
    (Korea, "2021-10-04", "National Foundation Day (observed)"),
    (Korea, "2022-03-09", "Presidential election"),
    (Korea, "2022-06-01", "Local elections"),
    (Korea, "2023-10-02", "Temporary holiday"),
    (Korea, "2024-04-10", "Parliamentary election"),
    (Korea, "2024-10-01", "Armed Forces Day (temporary holiday)"),
    (Korea, "2025-01-27", "Temporary holiday"),
    (Korea, "2025-06-03", "Presidential election"),
    (Korea, "2026-06-03", "Local elections"),
    (Korea, "2026-10-05", "National Foundation Day (observed)"),
    (Korea, "2027-05-03", "Labour Day (observed)"),
    (Korea, "2027-10-04", "National Foundation Day (observed)"),
    (UnitedStates, "2018-12-05", "National Day of Mourning (George H. W. Bush)"),
    (UnitedStates, "2025-01-09", "National Day of Mourning (Jimmy Carter)"),
    (Japan, "2015-09-22", "Citizens' Holiday"),
    (Japan, "2019-04-30", "Bridge holiday before the accession"),
    (Japan, "2019-05-01", "Accession Day"),
    (Japan, "2019-05-02", "Bridge holiday after the accession"),
    (Japan, "2019-10-22", "Enthronement Ceremony"),
    (Japan, "2020-07-23", "Marine Day"),
    (Japan, "2020-07-24", "Sports Day"),
    (Japan, "2020-10-01", "System failure of the exchange"),
    (Japan, "2021-07-22", "Marine Day"),
    (Japan, "2021-07-23", "Sports Day"),
    (Japan, "2026-09-22", "Citizens' Holiday"),
    (HongKong, "2015-04-07", "Ching Ming Festival (observed)"),
    (HongKong, "2015-09-03", "70th anniversary of victory"),
    (HongKong, "2016-04-04", "Ching Ming Festival"),
    (HongKong, "2016-08-02", "Typhoon Nida"),
    (HongKong, "2016-10-21", "Typhoon Haima"),
    (HongKong, "2017-04-04", "Ching Ming Festival"),
    (HongKong, "2017-05-30", "Tuen Ng Festival"),
    (HongKong, "2017-08-23", "Typhoon Hato"),
    (HongKong, "2017-10-05", "Mid-Autumn Festival"),
    (HongKong, "2018-04-05", "Ching Ming Festival"),
    (HongKong, "2019-04-05", "Ching Ming Festival"),
    (HongKong, "2020-10-02", "Mid-Autumn Festival"),
    (HongKong, "2020-10-13", "Typhoon Nangka"),
    (HongKong, "2020-04-30", "Buddha's Birthday"),
    (HongKong, "2021-10-13", "Typhoon Kompasu"),
    (HongKong, "2022-04-05", "Ching Ming Festival"),
    (HongKong, "2023-04-05", "Ching Ming Festival"),
    (HongKong, "2023-07-17", "Typhoon Talim"),
    (HongKong, "2023-09-01", "Typhoon Saola"),
    (HongKong, "2023-09-08", "Black rainstorm"),
    (HongKong, "2024-04-04", "Ching Ming Festival"),
    (HongKong, "2024-09-06", "Typhoon Yagi"),
    (HongKong, "2025-04-04", "Ching Ming Festival"),
    (HongKong, "2025-10-07", "Mid-Autumn Festival"),
    (HongKong, "2026-04-06", "Ching Ming Festival (observed)"),
    (HongKong, "2027-04-05", "Ching Ming Festival"),
    (China, "2015-09-03", "Victory Day"),
    (China, "2015-09-04", "Victory Day"),
    (Vietnam, "2018-01-23", "System failure of the exchange"),
    (Vietnam, "2018-01-24", "System failure of the exchange"),
];

/// Holidays and the days of the year they can fall on, first and last as `MM-DD`.
const YEARLY: &[(Country, &str, &str, &str)] = &[
    (Korea, "01-01", "01-01", "New Year's Day"),
    (Korea, "01-20", "02-20", "Lunar New Year"),
    (Korea, "03-01", "03-03", "Independence Movement Day"),
    (Korea, "05-01", "05-01", "Labour Day"),
    (Korea, "05-05", "05-07", "Children's Day"),
    (Korea, "05-08", "05-31", "Buddha's Birthday"),
    (Korea, "06-06", "06-08", "Memorial Day"),
    (Korea, "07-17", "07-19", "Constitution Day"),
    (Korea, "08-15", "08-17", "Liberation Day"),
    (Korea, "10-03", "10-03", "National Foundation Day"),
    (Korea, "09-07", "10-08", "Chuseok"),
    (Korea, "10-09", "10-11", "Hangeul Day"),
    (Korea, "12-25", "12-27", "Christmas Day"),
    (Korea, "12-29", "12-31", "Year-end closing"),
    (UnitedStates, "01-01", "01-02", "New Year's Day"),
    (UnitedStates, "01-15", "01-21", "Martin Luther King Jr. Day"),
    (UnitedStates, "02-15", "02-21", "Presidents' Day"),
    (UnitedStates, "03-20", "04-23", "Good Friday"),
    (UnitedStates, "05-25", "05-31", "Memorial Day"),
    (UnitedStates, "06-18", "06-20", "Juneteenth"),
    (UnitedStates, "07-03", "07-05", "Independence Day"),
    (UnitedStates, "09-01", "09-07", "Labor Day"),
    (UnitedStates, "11-22", "11-28", "Thanksgiving Day"),
    (UnitedStates, "12-24", "12-26", "Christmas Day"),
    (Japan, "01-01", "01-03", "New Year"),
    (Japan, "12-31", "12-31", "Year-end closing"),
    (Japan, "01-08", "01-14", "Coming of Age Day"),
    (Japan, "02-11", "02-12", "National Foundation Day"),
    (Japan, "02-23", "02-24", "Emperor's Birthday"),
    (Japan, "03-20", "03-22", "Vernal Equinox Day"),
    (Japan, "04-29", "04-30", "Showa Day"),
    (Japan, "05-03", "05-03", "Constitution Memorial Day"),
    (Japan, "05-04", "05-04", "Greenery Day"),
    (Japan, "05-05", "05-05", "Children's Day"),
    (Japan, "05-06", "05-06", "Golden Week (observed)"),
    (Japan, "07-15", "07-21", "Marine Day"),
    (Japan, "08-08", "08-12", "Mountain Day"),
    (Japan, "09-15", "09-21", "Respect for the Aged Day"),
    (Japan, "09-22", "09-24", "Autumnal Equinox Day"),
    (Japan, "10-08", "10-14", "Sports Day"),
    (Japan, "11-03", "11-04", "Culture Day"),
    (Japan, "11-23", "11-24", "Labour Thanksgiving Day"),
    (Japan, "12-23", "12-24", "Emperor's Birthday"),
    (HongKong, "01-01", "01-02", "New Year's Day"),
    (HongKong, "01-22", "02-20", "Lunar New Year"),
    (HongKong, "03-20", "04-23", "Easter"),
    (HongKong, "05-01", "05-02", "Labour Day"),
    (HongKong, "05-03", "05-31", "Buddha's Birthday"),
    (HongKong, "06-01", "06-26", "Tuen Ng Festival"),
    (HongKong, "07-01", "07-02", "Hong Kong SAR Establishment Day"),
    (HongKong, "09-09", "09-30", "Mid-Autumn Festival"),
    (HongKong, "10-01", "10-02", "National Day"),
    (HongKong, "10-03", "10-31", "Chung Yeung Festival"),
    (HongKong, "12-24", "12-27", "Christmas"),
    (China, "01-01", "01-03", "New Year"),
    (China, "12-30", "12-31", "New Year"),
    (China, "01-20", "02-24", "Spring Festival"),
    (China, "04-03", "04-07", "Qingming Festival"),
    (China, "04-29", "05-06", "Labour Day"),
    (China, "05-27", "06-26", "Dragon Boat Festival"),
    (China, "09-10", "09-30", "Mid-Autumn Festival"),
    (China, "10-01", "10-08", "National Day"),
    (Vietnam, "01-01", "01-03", "New Year"),
    (Vietnam, "12-30", "12-31", "New Year"),
    (Vietnam, "01-20", "02-24", "Tet"),
    (Vietnam, "04-01", "04-28", "Hung Kings' Commemoration"),
    (Vietnam, "04-29", "05-04", "Reunification Day and Labour Day"),
    (Vietnam, "08-30", "09-04", "National Day"),
    (Vietnam, "11-24", "11-24", "Culture Day"),
];
