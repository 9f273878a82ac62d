//! Executions and what is held of them, against the exchange's own.

use super::*;

/// Invariant 7: an order number in the books belongs to the order that was sent for that intent.
pub(super) fn attribution(evidence: &Evidence<'_>) -> Vec<String> {
    let told_apart = told_apart(evidence);
    let orders: BTreeMap<String, &VenueOrder> =
        told_apart.iter().map(|order| (order.id.to_string(), order)).collect();
    let wrong = |intent: &IntentRecord| {
        let number = intent.venue_order.as_ref()?.to_string();
        let tag = orders.get(&number)?.tag.as_deref();
        (tag != Some(intent.id.as_str()))
            .then(|| format!("the books give order {number} to {}, but it is of {tag:?}", intent.id))
    };
    evidence.ledger.iter().filter_map(wrong).collect()
}

/// Invariant 8: states move along their graph, fills never shrink, and quantities add up.
pub(super) fn monotone(evidence: &Evidence<'_>) -> Vec<String> {
    follow(evidence, |follower, fact| {
        let (intent, state, filled) = match &fact.what {
            What::Update { intent, state, filled } => (intent, *state, Some(*filled)),
            What::Sending { intent, .. } => (intent, OrderState::Sending, None),
            What::Approval(_)
            | What::Post { .. }
            | What::Boot { .. }
            | What::Crash { .. }
            | What::Stop
            | What::Quiet
            | What::Halt { .. }
            | What::Release { .. }
            | What::Close { .. }
            | What::Reduce { .. }
            | What::HaltFile
            | What::Foreign { .. }
            | What::HaltFileGone
            | What::HaltAnswered(_)
            | What::Struck { .. }
            | What::WrittenByOvertaken { .. }
            | What::HaltUnheard { .. }
            | What::HaltCancels { .. }
            | What::Cancel { .. }
            | What::NotCancelled { .. }
            | What::ClockSet { .. }
            | What::Failed { .. } => return None,
        };
        let before = follower.get(intent)?;
        let filled = filled.unwrap_or(before.filled);
        let is_move = before.state == state || before.state.may_become(state);
        if is_move && filled >= before.filled && filled <= before.terms.quantity {
            return None;
        }
        let (from, had) = (before.state, before.filled);
        Some(format!("intent {intent} went from {from} ({had} filled) to {state} ({filled} filled)"))
    })
}

/// Invariant 9: our fills, and those of others, are the exchange's positions.
pub(super) fn positions(evidence: &Evidence<'_>) -> Vec<String> {
    let mut all: BTreeMap<&Instrument, (i128, i128)> = BTreeMap::new();
    for intent in evidence.ledger {
        all.entry(&intent.terms.instrument).or_default().0 += moved(intent.terms.side, intent.filled);
    }
    let told_apart = told_apart(evidence);
    for order in told_apart.iter().filter(|order| order.tag.is_none()) {
        let shares = moved(order.side, order.filled);
        if let Some(known) = all.get_mut(&order.instrument) {
            known.0 += shares;
        } else {
            all.insert(&order.instrument, (shares, 0));
        }
    }
    for position in &evidence.venue.positions {
        all.entry(&position.instrument).or_default().1 += moved(Side::Buy, position.quantity);
    }
    let differs = all.into_iter().filter(|(_, (ours, theirs))| ours != theirs);
    differs
        .map(|(instrument, (ours, theirs))| format!("{instrument}: booked {ours}, at the exchange {theirs}"))
        .collect()
}

/// Invariant 9: the table that sizes exits and a flatten is what the booked fills come to, which are the exchange's (2). Where
/// more was sold than was booked as bought until then, or others traded too, `money::holdings` says what can be said.
pub(super) fn own_positions(evidence: &Evidence<'_>) -> Vec<String> {
    let mut filled: BTreeMap<Instrument, (u64, u64)> = BTreeMap::new();
    let mut unclear: BTreeSet<Instrument> = money::shared(evidence).into_iter().cloned().collect();
    let mut count = |follower: &Follower, fact: &Fact, filled: &mut BTreeMap<Instrument, (u64, u64)>| {
        let What::Update { intent, filled: shares, .. } = &fact.what else { return };
        let Some(before) = follower.get(intent) else { return };
        let new = shares.get().saturating_sub(before.filled.get());
        let (bought, _) = filled.entry(before.terms.instrument.clone()).or_default();
        if before.terms.side == Side::Sell && new > *bought {
            unclear.insert(before.terms.instrument.clone());
        }
        *bought = match before.terms.side {
            Side::Buy => bought.saturating_add(new),
            Side::Sell => bought.saturating_sub(new),
        };
    };
    let mut follower = Follower::default();
    for fact in evidence.facts {
        count(&follower, fact, &mut filled);
        follower.take(&fact.what);
    }
    for own in evidence.own {
        filled.entry(own.instrument.clone()).or_default().1 = own.quantity.get();
    }
    let differs =
        filled.into_iter().filter(|(stock, (bought, own))| bought != own && !unclear.contains(stock));
    differs
        .map(|(stock, (bought, own))| format!("{stock}: fills come to {bought}, own position {own}"))
        .collect()
}

/// The exchange's orders, as far as its lists can tell them apart. An order of somebody else with the very terms of one
/// of ours may be taken for it: nothing in KIS's lists distinguishes them (order-protocol 5.4), so which is which does not
/// count, and everything else does.
pub(super) fn told_apart(evidence: &Evidence<'_>) -> Vec<VenueOrder> {
    let mut orders = evidence.venue.orders.clone();
    for intent in evidence.ledger {
        let Some(number) = &intent.venue_order else { continue };
        let terms = Some(&intent.terms);
        let is_twin = |order: &VenueOrder| {
            order.id == *number && order.tag.is_none() && VenueLine::from(order).terms.as_ref() == terms
        };
        let Some(twin) = orders.iter().position(is_twin) else { continue };
        let tag = Some(intent.id.to_string());
        if let Some(own) = orders.iter_mut().find(|order| order.tag == tag) {
            own.tag = None;
        }
        if let Some(twin) = orders.get_mut(twin) {
            twin.tag = tag;
        }
    }
    orders
}

/// Shares that moved, signed.
pub(super) fn moved(side: Side, shares: Quantity) -> i128 {
    match side {
        Side::Buy => i128::from(shares.get()),
        Side::Sell => -i128::from(shares.get()),
    }
}
