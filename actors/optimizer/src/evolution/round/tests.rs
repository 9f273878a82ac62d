//! What the books' real tests cannot show as shortly: names and numbers.

use super::*;

#[test]
fn a_share_is_booked_in_whole_billionths() {
    assert_eq!([ppb(0.012_345_678_9), ppb(-0.5), ppb(0.0)], [12_345_679, -500_000_000, 0]);
}
