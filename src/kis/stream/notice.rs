//! Execution notices after decryption (KIS.md 14.5, 14.6). Read for one purpose: to know that an order list is worth a look.

use broker::{Notice, NoticeKind};
use secrecy::{ExposeSecret as _, SecretString};

/// The old domestic layout has 23 fields, the new one 26, the foreign one 25; what is read here is at the same place.
pub(super) const FIELDS: usize = 23;

/// Where a layout keeps what is read.
#[derive(Clone, Copy)]
pub(super) struct Layout {
    is_domestic: bool,
    rejected: usize,
    traded: usize,
}

/// H0STCNI0 and H0STCNI9.
pub(super) const DOMESTIC: Layout = Layout { is_domestic: true, rejected: 12, traded: 13 };
/// H0GSCNI0 and H0GSCNI9.
pub(super) const FOREIGN: Layout = Layout { is_domestic: false, rejected: 11, traded: 12 };

/// The notice of one record; none when it is of another account, or says nothing that is documented.
pub(super) fn read(record: &[&str], layout: Layout, account: &SecretString) -> Option<Notice> {
    if *record.get(1)? != account.expose_secret() {
        return None;
    }
    let order_number = order_number(record.get(2)?)?;
    let kind = match (*record.get(layout.rejected)?, *record.get(layout.traded)?) {
        ("1", _) => NoticeKind::Rejected,
        (_, "2") => NoticeKind::Traded,
        (_, "1") => NoticeKind::Taken,
        (_, _) => return None,
    };
    Some(Notice { is_domestic: layout.is_domestic, order_number, kind })
}

/// Numbers come with and without leading zeros.
fn order_number(text: &str) -> Option<u64> {
    let is_number = (1..=18).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAKEN: &str = "me^1234567801^0000012347^^02^0^00^0^005930^0000000010^000071800^095502^0^1^1^06010^000000010^n^0^1^N^^10^^n^000071800";
    const TRADED: &str = "me^1234567801^12347^^02^0^00^0^005930^0000000003^000071800^095511^0^2^2^06010^000000010^n^0^1^N^^10^^n^000071800";
    const REJECTED: &str = "me^1234567801^0000012350^^02^0^00^0^005930^0000000010^000071850^095611^1^1^1^06010^000000010^n^10^^n^0^x";
    const ABROAD: &str = "me^1234567801^0030138211^^02^0^2^AAPL^0000000010^001849500^234530^0^2^2^01790^000000010^n^n^6^10^^^^^000001849500";

    fn notice(text: &str, layout: Layout, account: &str) -> Option<Notice> {
        let record: Vec<&str> = text.split('^').collect();
        assert!(record.len() >= FIELDS, "{text}");
        read(&record, layout, &account.into())
    }

    #[test]
    fn a_notice_tells_which_order_moved_and_how() {
        let told = |is_domestic, order_number, kind| Some(Notice { is_domestic, order_number, kind });
        let cases = [
            (TAKEN, DOMESTIC, told(true, 12347, NoticeKind::Taken)),
            (TRADED, DOMESTIC, told(true, 12347, NoticeKind::Traded)),
            (REJECTED, DOMESTIC, told(true, 12350, NoticeKind::Rejected)),
            (ABROAD, FOREIGN, told(false, 30_138_211, NoticeKind::Traded)),
        ];
        for (text, layout, expected) in cases {
            assert_eq!(notice(text, layout, "1234567801"), expected, "{text}");
            assert_eq!(notice(text, layout, "1234567802"), None, "another account");
        }
    }

    #[test]
    fn what_is_not_documented_is_no_notice() {
        let broken = [
            TAKEN.replace("0000012347", ""),
            TAKEN.replace("0000012347", "-12347"),
            TAKEN.replace("0000012347", "9999999999999999999"),
            TAKEN.replace("^0^1^1^06010", "^0^7^1^06010"),
        ];
        for text in broken {
            assert_eq!(notice(&text, DOMESTIC, "1234567801"), None, "{text}");
        }
    }
}
