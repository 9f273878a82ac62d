//! Whether trading goes on, why not, and how to change that.

use domain::messages::control::{HaltLevel, HaltRecord, TradingStatus};
use domain::messages::symbols::SymbolHalt;
use maud::{Markup, html};

use super::instant;
use crate::control::View;
use crate::web::health::{Readiness, readiness};

/// The state in one word and one sentence, then whatever stands in the way.
pub(super) fn state(view: &View) -> Markup {
    let Readiness { ready, state, .. } = readiness(view);
    html! {
        p class="state" role="status" aria-live="polite" data-state=(state) { strong { (state) } (meaning(state, ready)) }
        @match view {
            View::Starting => {},
            View::Wounded(wound) => p class="bad" { "This process does not trade: " (wound.remedy) },
            View::Running(running) => {
                @match &running.trading {
                    Ok(status) => (obstacles(status)),
                    Err(why) => p class="bad" { (why) },
                }
            }
        }
    }
}

fn meaning(state: &str, ready: bool) -> &'static str {
    match (state, ready) {
        ("active", true) => "Purchases and sales go on.",
        ("active", false) => "Sales go on; something below keeps purchases back.",
        ("reducing", _) => "Sales only, at least in one currency.",
        ("halted", _) => "No order leaves.",
        ("starting", _) => "Not yet reconciled with the exchange.",
        (_, _) => "RiskGuard does not answer; without it nothing is approved.",
    }
}

fn obstacles(status: &TradingStatus) -> Markup {
    html! {
        @if !status.entry_blocks.is_empty() {
            h3 { "No purchases" }
            ul { @for why in &status.entry_blocks { li { (why) } } }
        }
        @if !status.blind.is_empty() {
            p class="bad" { "Held, and nobody sees a price: " @for stock in &status.blind { (stock) " " } }
        }
        @for halt in &status.symbol_halts { (stock_halt(halt)) }
        @if !status.waits.is_empty() {
            ul class="muted" { @for (instrument, wait) in &status.waits { li { (instrument) " " (wait.to_string()) } } }
        }
    }
}

fn stock_halt(halt: &SymbolHalt) -> Markup {
    let SymbolHalt { instrument, at, cause, reason, .. } = halt;
    html! {
        p class="halt" {
            (instrument) " takes no orders since " (instant(*at)) " UTC (" (cause) "): " (reason)
            " Lift it with: " code { "kestrel release " (instrument) " --reason TEXT" }
        }
    }
}

/// The halts that stand, each with what lifts it.
pub(super) fn halts(view: &View, may_command: bool) -> Markup {
    let halts: &[HaltRecord] = match view {
        View::Starting => &[],
        View::Wounded(wound) => std::slice::from_ref(&wound.halt),
        View::Running(running) => running.trading.as_ref().map_or(&[][..], |status| &status.halts),
    };
    html! { @for halt in halts { (one_halt(halt, may_command)) } }
}

fn one_halt(halt: &HaltRecord, may_command: bool) -> Markup {
    let HaltRecord { id, at, source, by, reason, level, nonce, cancel_open } = halt;
    html! {
        div class="halt" {
            p { strong { (effect(*level, *cancel_open)) } " since " (instant(*at)) " UTC by " (by) " (" (source) "): " (reason) " [" (id) "]" }
            @if may_command {
                form data-command="resume" data-halt=(id) data-code=(nonce) {
                    label { "Why it is lifted" input type="text" name="reason" required maxlength="300" autocomplete="off"; }
                    label class="row" { input type="checkbox" name="reducing"; "sales only from now on" }
                    button id=(format!("resume-{id}")) { "Resume: lift " (id) }
                }
            } @else {
                p class="muted" { "Lift it with: " code { "kestrel resume --halt " (id) } }
            }
        }
    }
}

fn effect(level: HaltLevel, cancel_open: bool) -> &'static str {
    match (level, cancel_open) {
        (HaltLevel::Halted, false) => "Halted",
        (HaltLevel::Halted, true) => "Halted, open orders cancelled",
        (HaltLevel::Reducing, false) => "Sales only",
        (HaltLevel::Reducing, true) => "Sales only, open purchases cancelled",
        (HaltLevel::Flatten, false | true) => "Selling everything, then halted",
    }
}

/// What never changes while the page is open, so that nobody's typing is lost.
pub(super) fn controls(may_command: bool) -> Markup {
    if !may_command {
        return html! {
            p class="muted" {
                "This page is read-only. To halt: " code { "kestrel halt --reason TEXT" } ". To halt from here, set "
                code { "WEB_TOKEN" } "."
            }
        };
    }
    html! {
        form data-command="halt" {
            label { "Token (WEB_TOKEN)" input id="token" type="password" name="token" autocomplete="current-password"; }
            label { "Your name" input id="by" type="text" name="by" maxlength="60" autocomplete="username"; }
            label { "Why" input id="why" type="text" name="reason" required maxlength="300" autocomplete="off"; }
            label class="row" {
                input id="cancel_open" type="checkbox" name="cancel_open";
                "cancel open orders too (Reduce: purchases only)"
            }
            button id="halt" class="danger" value="halt" { "Halt all trading" }
            button id="reduce" value="reduce" { "Reduce: sales only" }
        }
        p id="answer" role="status" aria-live="assertive" {}
    }
}
