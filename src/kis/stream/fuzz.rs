//! Ten thousand broken texts for each kind that the stream sends: no panic, no price without its digits, no notice without
//! its order, and never anything that could be booked.

use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeEncrypt as _, KeyIvInit as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::messages::market_data::PriceSeen;

use super::tests::{IV, KEY, SEALED, acknowledged, now, registered, stock};
use super::*;
use crate::mutation::Mutator;

const YOUNG: Duration = Duration::from_secs(1);
/// Texts that share one session, whose memory then is replaced.
const CASES_PER_SESSION: u64 = 200;

const TRADE: &str = "0|H0STCNT0|001|005930^093354^71900^5^-100^-0.14^72023.83^72100^72400^71700^71900^71800^1^3052507^219853241700^5105^6937^1832^84.90^1366314^1159996^1^0.39^20.28^090020^5^-200^090820^5^-500^092619^2^200^20261124^20^N^65945^216924^1118750^2199206^0.05^2424142^125.92^0^^72100";
const BOOK: &str = "0|H0STASP0|001|005930^093730^0^71900^72000^72100^72200^72300^72400^72500^72600^72700^72800^71800^71700^71600^71500^71400^71300^71200^71100^71000^70900^91918^117942^92673^79708^106729^141988^176192^113906^134077^104229^95221^159371^220746^284657^212742^195370^182710^209747^376432^158171^1159362^2095167^0^0^0^0^525579^-72000^5^-100.00^3159115^0^8^0^0^0";
const ABROAD: &str = "0|HDFSCNT0|002|DNASAAPL^AAPL^4^20261123^20261123^103011^20261124^003011^193.1000^194.5000^192.8000^194.2500^2^1.8300^0.95^194.2400^194.2500^210^95^100^18441223^3578212345^9100210^9341013^102.65^1^DNASAAPL^AAPL^4^20261123^20261123^103012^20261124^003012^193.1000^194.5000^192.8000^194.2500^2^1.8300^0.95^194.2400^194.2500^210^95^100^18441223^3578212345^9100210^9341013^102.65^1";
const NOTICE: &str = "me^1234567801^0000012347^^02^0^00^0^005930^0000000003^000071800^095511^0^2^2^06010^000000010^n^0^1^N^^10^^n^000071800";

fn seal(text: &str) -> String {
    let (key, iv): ([u8; 32], [u8; 16]) =
        (KEY.as_bytes().try_into().unwrap(), IV.as_bytes().try_into().unwrap());
    let cipher = cbc::Encryptor::<aes::Aes256>::new(&key.into(), &iv.into());
    format!("1|H0STCNI0|001|{}", STANDARD.encode(cipher.encrypt_padded_vec::<Pkcs7>(text.as_bytes())))
}

/// What an effect may be, given the readable text behind it.
fn judge(effect: &Effect, readable: &str, sent: &str) {
    match effect {
        Effect::Say(text) => assert!(text == sent && text.contains("PINGPONG"), "{sent}"),
        Effect::End(_) => assert!(sent.contains("OPSP"), "{sent}"),
        Effect::Tell(StreamEvent::Price(PriceSeen { instrument, price, at })) => {
            assert!(["KR:005930", "KR:000660", "US_NASDAQ:AAPL"].map(stock).contains(instrument), "{sent}");
            assert!(*at <= now(), "{sent}");
            let digits = |text: &str| text.replace(['.', '0'], "");
            assert!(digits(readable).contains(&digits(&price.to_string())), "{price} is not in {readable}");
        }
        Effect::Tell(StreamEvent::Notice(notice)) => {
            assert!(readable.contains(&notice.order_number.to_string()), "{notice:?} is not in {readable}");
        }
        Effect::Tell(other @ (StreamEvent::Up | StreamEvent::Down(_) | StreamEvent::NeedsAPerson(_))) => {
            panic!("a text told {other:?}")
        }
    }
}

#[test]
fn invariant_24_no_text_of_the_stream_makes_the_client_panic_and_invariant_07_none_is_a_fill() {
    let acknowledgement = acknowledged("H0STCNI0", "me", "OPSP0000");
    let keep_alive = r#"{"header":{"tr_id":"PINGPONG","datetime":"20260302093000"}}"#;
    let sealed = format!("1|H0STCNI0|001|{SEALED}");
    let seeds = [TRADE, BOOK, ABROAD, sealed.as_str(), acknowledgement.as_str(), keep_alive];
    for (number, seed) in seeds.into_iter().enumerate() {
        let mut mutator = Mutator::new(u64::try_from(number).unwrap());
        let mut session = registered(Environment::Real, "me");
        for case in 0..Mutator::cases() {
            if case % CASES_PER_SESSION == 0 {
                session = registered(Environment::Real, "me");
            }
            let sent = String::from_utf8_lossy(&mutator.mutate(seed)).into_owned();
            // A sealed text that was changed can only open to itself, or to nothing that is a notice.
            let readable = if number == 3 { NOTICE } else { sent.as_str() };
            for effect in session.take(&sent, now(), YOUNG) {
                judge(&effect, readable, &sent);
            }
        }
    }
}

#[test]
fn invariant_07_a_forged_notice_under_the_right_keys_tells_only_an_order_number_that_is_in_it() {
    let mut mutator = Mutator::new(99);
    let mut session = registered(Environment::Real, "me");
    let mut told = 0_u32;
    for _ in 0..Mutator::cases() {
        let text = String::from_utf8_lossy(&mutator.mutate(NOTICE)).into_owned();
        let frame = seal(&text);
        for effect in session.take(&frame, now(), YOUNG) {
            judge(&effect, &text, &frame);
            told += 1;
        }
    }
    assert!(told > 0, "some of them are still notices");
}
