//! The tables as diesel sees them, kept by hand; a test compares them with the migrated database.

// SQLite's `integer` holds 64 bits, so every integer is a BigInt here.

diesel::table! {
    trades (id) {
        id -> BigInt,
        timestamp -> Text,
        stock_code -> Text,
        action -> Text,
        confidence -> BigInt,
        rationale -> Nullable<Text>,
        quantity -> Nullable<BigInt>,
        price -> Nullable<Double>,
        pnl -> Nullable<Double>,
        market -> Nullable<Text>,
        exchange_code -> Nullable<Text>,
        selection_context -> Nullable<Text>,
    }
}

diesel::table! {
    ledger_state (id) {
        id -> BigInt,
        halt_epoch -> BigInt,
        fencing_epoch -> BigInt,
    }
}

diesel::table! {
    boots (fencing_epoch) {
        fencing_epoch -> BigInt,
        wall_at_ms -> BigInt,
    }
}

diesel::table! {
    events (id) {
        id -> BigInt,
        at_ms -> BigInt,
        kind -> Text,
        market -> Nullable<Text>,
        line -> Text,
    }
}

diesel::table! {
    cursors (subscriber) {
        subscriber -> Text,
        last_event -> BigInt,
    }
}

diesel::table! {
    decisions (seq) {
        seq -> BigInt,
        id -> Text,
        market -> Text,
        symbol -> Text,
        action -> Text,
        confidence -> BigInt,
        rationale -> Text,
        price_micros -> Nullable<BigInt>,
        selection_context -> Nullable<Text>,
        session_date -> Text,
        judge -> Text,
        at_ms -> BigInt,
        strategy_version -> Nullable<BigInt>,
    }
}

diesel::table! {
    refusals (id) {
        id -> BigInt,
        decision_id -> Text,
        market -> Text,
        symbol -> Text,
        action -> Text,
        reason -> Text,
        detail -> Text,
        at_ms -> BigInt,
        measured_micros -> Nullable<BigInt>,
        comparison -> Nullable<Text>,
        threshold_micros -> Nullable<BigInt>,
        unit -> Nullable<Text>,
    }
}

diesel::table! {
    approvals (id) {
        id -> Text,
        decision_id -> Text,
        confidence -> BigInt,
        approved_at_ms -> BigInt,
        expires_at_ms -> BigInt,
        halt_epoch -> BigInt,
    }
}

diesel::table! {
    intents (seq) {
        seq -> BigInt,
        id -> Text,
        approval_id -> Text,
        market -> Text,
        symbol -> Text,
        session_date -> Text,
        side -> Text,
        quantity -> BigInt,
        limit_micros -> BigInt,
        state -> Text,
        sent_at_ms -> Nullable<BigInt>,
        fencing_epoch -> Nullable<BigInt>,
        watermark -> Nullable<BigInt>,
        order_date -> Nullable<Text>,
        branch -> Nullable<Text>,
        number -> Nullable<Text>,
        order_number -> Nullable<BigInt>,
        filled -> BigInt,
        amount_micros -> BigInt,
        missed_inquiries -> BigInt,
        remark -> Nullable<Text>,
        changed_at_ms -> BigInt,
        had_number -> BigInt,
        final_lists -> BigInt,
        first_final_ms -> Nullable<BigInt>,
        shown_at_ms -> Nullable<BigInt>,
    }
}

diesel::table! {
    fills (id) {
        id -> BigInt,
        intent_id -> Text,
        quantity -> BigInt,
        amount_micros -> BigInt,
        price_micros -> BigInt,
        cost_micros -> Nullable<BigInt>,
        pnl_micros -> Nullable<BigInt>,
        booked_at_ms -> BigInt,
    }
}

diesel::table! {
    positions (market, symbol) {
        market -> Text,
        symbol -> Text,
        quantity -> BigInt,
        cost_micros -> BigInt,
        since_ms -> Nullable<BigInt>,
    }
}

diesel::table! {
    strangers (id) {
        id -> BigInt,
        kind -> Text,
        market -> Text,
        symbol -> Text,
        order_date -> Text,
        branch -> Text,
        number -> Text,
        order_number -> BigInt,
        side -> Text,
        ordered -> BigInt,
        filled -> BigInt,
        amount_micros -> Nullable<BigInt>,
        first_seen_ms -> BigInt,
        limit_micros -> Nullable<BigInt>,
    }
}

diesel::table! {
    symbol_halts (id) {
        id -> BigInt,
        market -> Text,
        symbol -> Text,
        at_ms -> BigInt,
        cause -> Text,
        reason -> Text,
        event_id -> BigInt,
    }
}

diesel::table! {
    symbol_releases (symbol_halt_id) {
        symbol_halt_id -> BigInt,
        at_ms -> BigInt,
        by_whom -> Text,
        reason -> Text,
        event_id -> BigInt,
    }
}

diesel::table! {
    resolutions (id) {
        id -> BigInt,
        intent_id -> Text,
        at_ms -> BigInt,
        order_date -> Nullable<Text>,
        branch -> Nullable<Text>,
        number -> Nullable<Text>,
        by_whom -> Text,
        reason -> Text,
        event_id -> BigInt,
    }
}

diesel::table! {
    unknowns (id) {
        id -> BigInt,
        intent_id -> Text,
        at_ms -> BigInt,
    }
}

diesel::table! {
    order_lists (market, session_date) {
        market -> Text,
        session_date -> Text,
        asked_at_ms -> BigInt,
        left_open_ms -> Nullable<BigInt>,
    }
}

diesel::table! {
    net_shares (market, symbol) {
        market -> Text,
        symbol -> Text,
        quantity -> BigInt,
        last_fill_ms -> BigInt,
    }
}

diesel::table! {
    external_shares (id) {
        id -> BigInt,
        market -> Text,
        symbol -> Text,
        quantity -> BigInt,
        at_ms -> BigInt,
        by_whom -> Text,
        event_id -> BigInt,
    }
}

diesel::table! {
    other_shares (market, symbol) {
        market -> Text,
        symbol -> Text,
        quantity -> BigInt,
    }
}

diesel::table! {
    adopted_accounts (currency) {
        currency -> Text,
        at_ms -> BigInt,
    }
}

diesel::table! {
    share_doubts (market, symbol) {
        market -> Text,
        symbol -> Text,
        difference -> BigInt,
        since_ms -> BigInt,
    }
}

diesel::table! {
    halts (seq) {
        seq -> BigInt,
        id -> Text,
        at_ms -> BigInt,
        source -> Text,
        by_whom -> Text,
        reason -> Text,
        event_id -> BigInt,
        level -> Text,
        nonce -> Text,
        cancel_open -> Bool,
    }
}

diesel::table! {
    sale_sums (market) {
        market -> Text,
        pnl_micros -> Nullable<BigInt>,
        known -> BigInt,
        unknown -> BigInt,
    }
}

diesel::table! {
    releases (halt_id) {
        halt_id -> Text,
        at_ms -> BigInt,
        by_whom -> Text,
        event_id -> BigInt,
        source -> Text,
        reason -> Text,
    }
}

diesel::table! {
    halt_latches (halt_id) {
        halt_id -> Text,
        at_ms -> BigInt,
        event_id -> BigInt,
    }
}

diesel::table! {
    standing_halts (halt_seq) {
        halt_seq -> BigInt,
    }
}

diesel::table! {
    limit_changes (seq) {
        seq -> BigInt,
        at_ms -> BigInt,
        fencing_epoch -> BigInt,
        source -> Text,
        by_whom -> Text,
        reason -> Text,
        max_loss_micros -> Nullable<BigInt>,
        max_order_micros -> Nullable<BigInt>,
        confidence -> Nullable<BigInt>,
        orders_per_minute -> Nullable<BigInt>,
        orders_per_day -> Nullable<BigInt>,
        event_id -> BigInt,
    }
}

diesel::table! {
    limit_values (change_seq, name) {
        change_seq -> BigInt,
        name -> Text,
        value_micros -> BigInt,
    }
}

diesel::table! {
    closed_days (market, session_date) {
        market -> Text,
        session_date -> Text,
        closed_at_ms -> BigInt,
    }
}

diesel::table! {
    day_reports (market, session_date) {
        market -> Text,
        session_date -> Text,
        event_id -> BigInt,
    }
}

diesel::table! {
    open_days (market, session_date) {
        market -> Text,
        session_date -> Text,
    }
}

diesel::table! {
    day_starts (currency, session_date) {
        currency -> Text,
        session_date -> Text,
        equity_micros -> BigInt,
        at_ms -> BigInt,
    }
}

diesel::table! {
    breaker_trips (account, session_date, wire) {
        account -> Text,
        session_date -> Text,
        wire -> Text,
        at_ms -> BigInt,
    }
}

diesel::table! {
    exit_peaks (market, symbol) {
        market -> Text,
        symbol -> Text,
        since_ms -> BigInt,
        peak_micros -> BigInt,
        at_ms -> BigInt,
    }
}

diesel::table! {
    won_day_starts (session_date, currency) {
        session_date -> Text,
        currency -> Text,
        equity_micros -> BigInt,
        won_per_unit_micros -> BigInt,
        posted_on -> Text,
        at_ms -> BigInt,
    }
}

diesel::table! {
    oracle_calls (quota_date, purpose) {
        quota_date -> Text,
        purpose -> Text,
        at_ms -> BigInt,
        markets -> Text,
        tokens_reserved -> BigInt,
        money_micros_reserved -> BigInt,
        tokens_taken -> Nullable<BigInt>,
        money_micros_taken -> Nullable<BigInt>,
        ended_at_ms -> Nullable<BigInt>,
    }
}

diesel::table! {
    consultations (quota_date, purpose) {
        quota_date -> Text,
        purpose -> Text,
        session_date -> Text,
        slot -> Text,
        stocks -> Text,
        threshold -> BigInt,
        prompt_version -> BigInt,
        asked_model -> Text,
        system -> Text,
        prompt -> Text,
        asked_at_ms -> BigInt,
        latency_ms -> BigInt,
        reply -> Nullable<Text>,
        reply_bytes -> BigInt,
        model -> Nullable<Text>,
        response_id -> Nullable<Text>,
        input_tokens -> Nullable<BigInt>,
        output_tokens -> Nullable<BigInt>,
        total_tokens -> Nullable<BigInt>,
        failure -> Nullable<Text>,
        rests_until_ms -> Nullable<BigInt>,
    }
}

diesel::table! {
    decision_bases (decision_id) {
        decision_id -> Text,
        quota_date -> Text,
        purpose -> Text,
        withheld -> Nullable<Text>,
        delay_minutes -> BigInt,
    }
}

diesel::table! {
    selections (market, session_date, symbol, verdict) {
        market -> Text,
        session_date -> Text,
        symbol -> Text,
        verdict -> Text,
        first_at_ms -> BigInt,
        last_at_ms -> BigInt,
        slot -> Text,
        evidence -> Text,
    }
}

diesel::table! {
    occasions (market, session_date, kind, first_ms) {
        market -> Text,
        session_date -> Text,
        kind -> Text,
        first_ms -> BigInt,
        begins_at_ms -> BigInt,
        label -> Text,
        booked_at_ms -> BigInt,
    }
}

diesel::table! {
    imported_trades (source_id, timestamp, stock_code, action) {
        source_id -> BigInt,
        timestamp -> Text,
        stock_code -> Text,
        action -> Text,
        trade_id -> BigInt,
        at_ms -> BigInt,
    }
}

diesel::table! {
    chat_place (id) {
        id -> BigInt,
        update_id -> BigInt,
        at_ms -> BigInt,
    }
}

diesel::table! {
    chat_commands (seq) {
        seq -> BigInt,
        update_id -> BigInt,
        at_ms -> BigInt,
        chat_id -> Nullable<BigInt>,
        user_id -> Nullable<BigInt>,
        command -> Text,
        verdict -> Text,
        unbooked -> BigInt,
    }
}

diesel::table! {
    bar_imports (seq) {
        seq -> BigInt,
        at_ms -> BigInt,
        market -> Text,
        file_name -> Text,
        rows_read -> BigInt,
        taken -> BigInt,
        changed -> BigInt,
        known -> BigInt,
        refused -> BigInt,
    }
}

diesel::table! {
    bar_refusals (import_seq, line) {
        import_seq -> BigInt,
        line -> BigInt,
        reason -> Text,
    }
}

diesel::table! {
    bar_adjustments (seq) {
        seq -> BigInt,
        market -> Text,
        symbol -> Text,
        before_date -> Text,
        factor_trillionths -> Nullable<BigInt>,
        at_ms -> BigInt,
    }
}

diesel::table! {
    bars (market, symbol, session_date, version) {
        market -> Text,
        symbol -> Text,
        session_date -> Text,
        version -> BigInt,
        open_micros -> BigInt,
        high_micros -> BigInt,
        low_micros -> BigInt,
        close_micros -> BigInt,
        volume -> BigInt,
        factor_trillionths -> BigInt,
        change_trillionths -> Nullable<BigInt>,
        after_adjustment -> BigInt,
        import_seq -> Nullable<BigInt>,
        seen_at_ms -> BigInt,
    }
}

diesel::table! {
    retention_marks (name, part) {
        name -> Text,
        part -> Text,
        through -> BigInt,
        dropped -> BigInt,
    }
}

diesel::table! {
    /// A view: the newest version of each day.
    newest_bars (market, symbol, session_date) {
        market -> Text,
        symbol -> Text,
        session_date -> Text,
        version -> BigInt,
        open_micros -> BigInt,
        high_micros -> BigInt,
        low_micros -> BigInt,
        close_micros -> BigInt,
        volume -> BigInt,
        factor_trillionths -> BigInt,
        change_trillionths -> Nullable<BigInt>,
        after_adjustment -> BigInt,
        import_seq -> Nullable<BigInt>,
        seen_at_ms -> BigInt,
    }
}

diesel::table! {
    evolution_cycles (seq) {
        seq -> BigInt,
        market -> Text,
        session_date -> Text,
        seed -> BigInt,
        began_at_ms -> BigInt,
    }
}

diesel::table! {
    evolution_cycle_ends (cycle_seq) {
        cycle_seq -> BigInt,
        outcome -> Text,
        champion -> Nullable<Text>,
        at_ms -> BigInt,
    }
}

diesel::table! {
    trials (seq) {
        seq -> BigInt,
        cycle_seq -> BigInt,
        position -> BigInt,
        market -> Text,
        hash -> Text,
        parent -> Nullable<Text>,
        origin -> Text,
        strategy -> Text,
        killed_by -> Nullable<Text>,
        sharpe_micros -> Nullable<BigInt>,
        observations -> BigInt,
        evidence -> Text,
        at_ms -> BigInt,
    }
}

diesel::table! {
    archive_changes (seq) {
        seq -> BigInt,
        market -> Text,
        niche -> Text,
        trial_seq -> BigInt,
        fitness_micros -> BigInt,
    }
}

diesel::table! {
    /// A view: what holds each niche.
    elites (market, niche) {
        market -> Text,
        niche -> Text,
        trial_seq -> BigInt,
        fitness_micros -> BigInt,
    }
}

diesel::table! {
    sealed_windows (seq) {
        seq -> BigInt,
        cycle_seq -> BigInt,
        market -> Text,
        number -> BigInt,
        first_day -> Text,
        last_day -> Text,
        champion -> Text,
        at_ms -> BigInt,
    }
}

diesel::table! {
    sealed_verdicts (window_seq) {
        window_seq -> BigInt,
        passed -> BigInt,
        evidence -> Text,
        at_ms -> BigInt,
    }
}

diesel::table! {
    evolution_proposals (number) {
        number -> BigInt,
        cycle_seq -> Nullable<BigInt>,
        market -> Text,
        name -> Text,
        hypothesis -> Text,
        hash -> Text,
        strategy -> Text,
        incumbent -> Nullable<Text>,
        evidence -> Text,
        at_ms -> BigInt,
    }
}

diesel::table! {
    evolution_changes (seq) {
        seq -> BigInt,
        proposal -> BigInt,
        status -> Text,
        by_whom -> Text,
        reason -> Text,
        at_ms -> BigInt,
        event_id -> BigInt,
    }
}

diesel::table! {
    limit_approvals (change_seq) {
        change_seq -> BigInt,
        limit_set -> Text,
        at_ms -> BigInt,
    }
}

diesel::table! {
    strategy_versions (seq) {
        seq -> BigInt,
        market -> Text,
        proposal -> Nullable<BigInt>,
        strategy -> Nullable<Text>,
        replaces -> Nullable<BigInt>,
        change_seq -> BigInt,
        at_ms -> BigInt,
    }
}

diesel::table! {
    session_strategies (market, session_date) {
        market -> Text,
        session_date -> Text,
        version -> Nullable<BigInt>,
        at_ms -> BigInt,
    }
}

diesel::table! {
    shadow_plans (proposal) {
        proposal -> BigInt,
        after_day -> Text,
        expires -> Text,
        seed -> BigInt,
    }
}

diesel::table! {
    shadow_sessions (proposal, session_date) {
        proposal -> BigInt,
        session_date -> Text,
        challenger_ppb -> BigInt,
        incumbent_ppb -> BigInt,
        decisions -> BigInt,
    }
}

diesel::table! {
    watch_looks (proposal, session_date) {
        proposal -> BigInt,
        session_date -> Text,
        seen_until -> Text,
        at_ms -> BigInt,
    }
}

diesel::table! {
    shadow_verdicts (proposal) {
        proposal -> BigInt,
        passed -> BigInt,
        evidence -> Text,
        at_ms -> BigInt,
    }
}

diesel::joinable!(intents -> approvals (approval_id));

diesel::allow_tables_to_appear_in_same_query!(
    approvals,
    intents,
    fills,
    decisions,
    decision_bases,
    halts,
    releases,
    standing_halts,
    closed_days,
    symbol_halts,
    symbol_releases,
    limit_changes,
    limit_values,
    resolutions
);

diesel::allow_tables_to_appear_in_same_query!(elites, trials);
diesel::allow_tables_to_appear_in_same_query!(sealed_windows, sealed_verdicts);
diesel::allow_tables_to_appear_in_same_query!(limit_approvals, evolution_changes);
diesel::allow_tables_to_appear_in_same_query!(evolution_cycles, evolution_cycle_ends);
