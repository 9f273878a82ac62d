//! What a code of KIS means for the caller (KIS.md 5, settled by architecture 8).
//!
//! The rule for an order is one sentence: only a code of this table proves that there is no order; everything else,
//! a code nobody has described included, proves nothing.

use super::wire::is_digits;

/// What is certain after an answer with `rt_cd` other than 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Refused for a business reason; asking again unchanged is useless.
    Refused,
    /// Refused before processing because of the rate; a read may be asked again.
    Throttled,
    /// The token is invalid; nothing was processed.
    TokenDead,
    /// Refused because of keys, account or configuration: nothing will work until a person acts.
    Fatal,
    /// Nobody knows; an order may exist.
    Unknown,
}

/// Codes with a known meaning, sorted by code.
const CODES: &[(&str, Class)] = &[
    // Codes of the paper host. The sheet lists texts without codes; 4003, 4007, 4024, 4027 and 4065 are what paper
    // accounts have reported with those texts.
    ("40030000", Class::Refused),
    ("40070000", Class::Refused),
    ("40100000", Class::Refused),
    ("40240000", Class::Refused),
    ("40250000", Class::Refused),
    ("40270000", Class::Refused),
    ("40310000", Class::Refused),
    ("40570000", Class::Refused),
    ("40580000", Class::Refused),
    ("40650000", Class::Refused),
    ("APAC0489", Class::Fatal),
    ("APAM3099", Class::Refused),
    ("APBK0400", Class::Refused),
    ("APBK0506", Class::Refused),
    ("APBK0656", Class::Refused),
    ("APBK0918", Class::Refused),
    ("APBK0919", Class::Refused),
    ("APBK0952", Class::Refused),
    ("APBK1507", Class::Refused),
    ("APBK1664", Class::Refused),
    ("EGW00003", Class::Fatal),
    ("EGW00004", Class::Fatal),
    ("EGW00101", Class::Refused),
    ("EGW00102", Class::Fatal),
    ("EGW00103", Class::Fatal),
    ("EGW00104", Class::Fatal),
    ("EGW00105", Class::Fatal),
    ("EGW00112", Class::Fatal),
    ("EGW00115", Class::Fatal),
    ("EGW00116", Class::Fatal),
    ("EGW00117", Class::Fatal),
    ("EGW00121", Class::TokenDead),
    ("EGW00122", Class::TokenDead),
    ("EGW00123", Class::TokenDead),
    ("EGW00128", Class::Refused),
    ("EGW00131", Class::Refused),
    ("EGW00132", Class::Refused),
    ("EGW00133", Class::Throttled),
    ("EGW00201", Class::Throttled),
    ("EGW00204", Class::Fatal),
    ("EGW00205", Class::Fatal),
    ("EGW00206", Class::Fatal),
    ("EGW00207", Class::Fatal),
    ("EGW00208", Class::Refused),
    ("EGW00209", Class::Refused),
    ("EGW00210", Class::Fatal),
    ("EGW00213", Class::Fatal),
    ("EGW00215", Class::Throttled),
    ("EGW00303", Class::Fatal),
    ("EGW00304", Class::Fatal),
    ("EGW00316", Class::Fatal),
    ("EGW02004", Class::Fatal),
    ("EGW02006", Class::Fatal),
    ("MCA05918", Class::Refused),
    ("OPSQ0001", Class::Refused),
    ("OPSQ0002", Class::Refused),
    ("OPSQ0003", Class::Refused),
    ("OPSQ0004", Class::Refused),
    ("OPSQ0005", Class::Refused),
    ("OPSQ0006", Class::Refused),
    ("OPSQ0007", Class::Refused),
    ("OPSQ0008", Class::Refused),
    ("OPSQ0009", Class::Refused),
    ("OPSQ0010", Class::Refused),
    ("OPSQ0011", Class::Refused),
    ("OPSQ2000", Class::Fatal),
    ("OPSQ2001", Class::Refused),
    ("OPSQ2002", Class::Refused),
    ("OPSQ9995", Class::Refused),
    ("OPSQ9996", Class::Refused),
    ("OPSQ9997", Class::Refused),
    ("OPSQ9998", Class::Refused),
    ("OPSQ9999", Class::Refused),
];

/// Digits of a code of the paper host; codes of the real one begin with letters.
const PAPER_CODE_DIGITS: usize = 8;

/// Beginnings and parts of refusals whose code the sheet does not record (KIS.md 5.4).
const REFUSAL_TEXTS: [&str; 9] = [
    "모의투자 장시작전",
    "모의투자 장종료",
    "모의투자 주문처리가 안되었습니다",
    "모의투자 상/하한가 오류",
    "모의투자 잔고내역이 없습니다",
    "모의투자에서는 해당업무가 제공되지 않습니다",
    "1$이상 소수점 2자리까지만 가능",
    "주문구분 입력오류",
    "시장가매매불가",
];

/// The class of `msg_cd`. A text speaks where there is no code at all, and where the paper host sends one that nobody
/// has described: then the text is the one thing that is documented, and it says what happened.
pub(super) fn classify(code: &str, message: &str) -> Class {
    if let Some((_, class)) = CODES.iter().find(|(known, _)| *known == code) {
        return *class;
    }
    let text_decides = code.is_empty() || is_digits(code, PAPER_CODE_DIGITS);
    if text_decides && REFUSAL_TEXTS.iter().any(|known| message.contains(known)) {
        Class::Refused
    } else {
        Class::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ambiguous_and_undescribed_codes_prove_nothing() {
        let ambiguous = [
            "EGW00001",
            "EGW00002",
            "EGW00202",
            "EGW00203",
            "EGW00300",
            "EGW00301",
            "EGW00302",
            "OPSQ1002",
            "IGW00009",
            "APBK0029",
            "APRP0126",
            "ZZZZ9999",
            "egw00201",
            "EGW002011",
        ];
        for code in ambiguous {
            assert_eq!(classify(code, "주문가능금액을 초과 했습니다"), Class::Unknown, "{code}");
        }
        assert_eq!(classify("", ""), Class::Unknown);
        assert_eq!(classify("", "일시적 오류"), Class::Unknown);
    }

    #[test]
    fn described_refusals_are_certain() {
        let cases = [
            ("EGW00201", Class::Throttled),
            ("EGW00215", Class::Throttled),
            ("EGW00133", Class::Throttled),
            ("EGW00121", Class::TokenDead),
            ("EGW00122", Class::TokenDead),
            ("EGW00123", Class::TokenDead),
            ("EGW00103", Class::Fatal),
            ("EGW00213", Class::Fatal),
            ("EGW00304", Class::Fatal),
            ("OPSQ2000", Class::Fatal),
            ("APAC0489", Class::Fatal),
            ("APBK0952", Class::Refused),
            ("APBK0918", Class::Refused),
            ("APBK0506", Class::Refused),
            ("40580000", Class::Refused),
            ("OPSQ0002", Class::Refused),
        ];
        for (code, class) in cases {
            assert_eq!(classify(code, ""), class, "{code}");
        }
        let text = "모의투자 주문처리가 안되었습니다(호가단위 오류)";
        assert_eq!(classify("", text), Class::Refused);
    }

    #[test]
    fn a_refusal_of_the_paper_host_is_certain_by_its_code_or_by_a_documented_text_beside_any_code_of_it() {
        for code in ["40030000", "40070000", "40240000", "40270000", "40570000", "40650000"] {
            assert_eq!(classify(code, ""), Class::Refused, "{code}");
        }
        for text in REFUSAL_TEXTS {
            assert_eq!(classify("40990000", &format!("{text} 입니다.")), Class::Refused, "{text}");
            assert_eq!(classify("90000000", text), Class::Refused, "{text}");
            // A code of the real host that nobody has described proves nothing, whatever stands beside it.
            for code in ["APBK9999", "4099000", "409900000", "4099000A"] {
                assert_eq!(classify(code, text), Class::Unknown, "{code} {text}");
            }
        }
        assert_eq!(classify("40990000", "모의투자 일시적 오류"), Class::Unknown);
    }

    #[test]
    fn the_table_is_sorted_and_has_no_code_twice() {
        assert!(CODES.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
