//! The past of a stock that evolution learns from.

use domain::messages::bars::SeeBars;

use super::*;
use crate::past;

#[test]
fn a_stock_that_evolution_learns_from_costs_one_request_and_its_days_up_to_the_session_are_written_down() {
    in_virtual_time(async {
        let broker = Broker { failing: vec!["000002"], ..Broker::default() };
        let brain = Brain::default();
        let bars: Link<BarsQuery> = Link::from_recipient(broker.clone().start().recipient());
        let books: Link<BarsSeen> = Link::from_recipient(brain.clone().start().recipient());
        let today = Market::Kr.date_at(open());
        for (symbol, session_date, newest) in [
            ("000001", today, Ok(Some(today))),
            ("000001", today.pred_opt().unwrap(), Ok(today.pred_opt())),
            ("000001", today - chrono::Days::new(3_000), Ok(None)),
            ("000002", today, Err(QueryError::Unavailable("told to fail".to_owned()))),
        ] {
            let wanted = SeeBars { instrument: stock(symbol), session_date };
            assert_eq!(past::see(bars.clone(), books.clone(), wanted).await, newest);
        }
        sleep(Duration::from_secs(1)).await;
        let written: Vec<_> = taken(&brain.bars)
            .iter()
            .map(|seen| (seen.bars.len(), seen.bars.last().unwrap().session_date))
            .collect();
        assert_eq!(written, [(90, today), (89, today.pred_opt().unwrap())]);
        assert_eq!((broker.asked("bars"), broker.asked("90 days")), (4, 4));
    });
}
