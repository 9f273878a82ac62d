//! What Broker is asked of a session, and what its answers do to the calendar.

use super::*;

impl MarketClock {
    /// Asks whether the markets that should be open trade, and once a day for the broker's own list of days.
    pub(super) fn look_around(&mut self, now: DateTime<Utc>, ctx: &mut Ctx<Self>) {
        for market in self.settings.markets.clone() {
            let session = self.settings.calendar.session_of(market, now);
            if let Some(session) = session
                && self.evidence.begin_look(&self.settings.calendar, &session, now)
            {
                self.look(session, ctx);
            }
            if market == Market::Kr && !is_ledger_pause(now) && self.evidence.begin_list(market, now) {
                self.read_list(market, market.date_at(now), ctx);
            }
        }
    }

    pub(super) fn look(&self, session: Session, ctx: &mut Ctx<Self>) {
        let market = session.market;
        let answer = self.deps.broker.last_trade.ask(LastTradeQuery { market }, BROKER_WITHIN);
        ctx.spawn(answer.into_actor(self).map(move |answer, this, ctx| {
            let look = answer.map_or(Look::Unheard, Look::from);
            tracing::debug!(%market, ?look, "looked whether it trades");
            this.evidence.end_look(&session, look);
            this.redraw();
            this.wake_now(ctx);
        }));
    }

    pub(super) fn read_list(&self, market: Market, today: NaiveDate, ctx: &mut Ctx<Self>) {
        let query = ListedDaysQuery { market, from: today };
        let answer = self.deps.broker.listed_days.ask(query, BROKER_WITHIN);
        ctx.spawn(answer.into_actor(self).map(move |answer, this, ctx| match answer {
            Ok(Ok(days)) => this.book_list(market, today, days, ctx),
            Ok(Err(QueryError::NotOffered(why))) => {
                tracing::info!(%market, why, "the broker has no list of days here");
                this.evidence.no_list(market, today);
            }
            Ok(Err(error)) => tracing::warn!(%market, %error, "the broker's list of days is not known"),
            Err(error) => tracing::warn!(%market, %error, "the broker's list of days is not known"),
        }));
    }

    /// The list is booked before it is used: it is asked for once a day, whatever crashes.
    pub(super) fn book_list(
        &mut self,
        market: Market,
        today: NaiveDate,
        days: Vec<ListedDay>,
        ctx: &mut Ctx<Self>,
    ) {
        let label = evidence::list_label(today, &days);
        let (kind, read_at) = (OccasionKind::ListedDays, self.now());
        let occasion = Occasion { market, session_date: today, kind, begins_at: read_at, label };
        let booking = self.deps.ledger.book.ask(BookOccasions { occasions: vec![occasion] }, LEDGER_WITHIN);
        ctx.spawn(booking.into_actor(self).map(move |answer, this, ctx| match heard(answer) {
            Ok(_news) => this.use_list(market, read_at, &days, ctx),
            Err(why) => tracing::warn!(why, "the broker's list of days cannot be booked; it is not used"),
        }));
    }

    pub(super) fn use_list(
        &mut self,
        market: Market,
        read_at: DateTime<Utc>,
        days: &[ListedDay],
        ctx: &mut Ctx<Self>,
    ) {
        let operators = Calendar::official().with_changes(&self.overrides.changes);
        let said = operators.map(|calendar| evidence::contradictions(&calendar, market, days));
        for text in said.unwrap_or_default() {
            self.say(EventKind::Alarm, Some(market), text);
        }
        tracing::info!(%market, days = days.len(), "the broker's list of days is in force");
        self.evidence.take_list(market, market.date_at(read_at), read_at, days);
        self.redraw();
        self.wake_now(ctx);
    }

    /// The calendar in force: the embedded one, what the operator changed, and what the broker closed.
    pub(super) fn redraw(&mut self) {
        match Calendar::official().with_changes(&self.evidence.narrowed(&self.overrides.changes)) {
            Ok(calendar) => self.settings.calendar = calendar,
            // Closing a day contradicts nothing; without a table there is nothing to change either.
            Err(error) => tracing::error!(%error, "the calendar cannot be changed"),
        }
    }
}
