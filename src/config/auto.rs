//! `EVOLUTION_AUTO_APPROVE`: read, and held against the limits that it may only be stricter than.

use domain::messages::evolution::AutoLimit;
use risk_guard::Limits;
use rust_decimal::Decimal;

use super::reader::Reader;
use super::{LanguageModel, Sizing};

/// What the limit has to agree with; none where it could not be read itself.
pub(super) struct Beside<'a> {
    pub(super) limits: Option<&'a Limits>,
    pub(super) sizing: Option<&'a Sizing>,
    pub(super) language_model: Option<&'a LanguageModel>,
}

/// The outer option is a mistake, the inner one is `off`.
pub(super) fn auto_approve(reader: &mut Reader<'_>, beside: &Beside<'_>) -> Option<Option<AutoLimit>> {
    let limit: Option<AutoLimit> = reader.value(AutoLimit::SETTING, |text| match text {
        "off" => Some(None),
        named => named.parse().ok().map(Some),
    })?;
    if let Some(problem) = limit.and_then(|limit| contradiction(limit.position_pct(), beside)) {
        reader.mistake(AutoLimit::SETTING, problem);
    }
    Some(limit)
}

/// Why so much of the equity in one position cannot be promised.
fn contradiction(position_pct: Decimal, beside: &Beside<'_>) -> Option<String> {
    let limits = beside.limits?;
    let stricter = [("MAX_SYMBOL_PCT", limits.max_symbol_pct()), ("MAX_ORDER_PCT", limits.max_order_pct())];
    if let Some((name, most)) = stricter.into_iter().find(|(_, most)| position_pct > *most) {
        let most = most.normalize();
        return Some(format!(
            "max_position_pct={position_pct} is looser than {name}={most}; allowed: at most {most}"
        ));
    }
    let by_settings = match beside.language_model? {
        // The strategy's own share bounds what the rules buy.
        LanguageModel::Rules => return None,
        LanguageModel::Gemini(_) | LanguageModel::OpenAiCompatible(_) => beside.sizing?,
    };
    let (name, most) = match by_settings.enabled {
        true => ("POSITION_MAX_ALLOCATION_PCT", by_settings.max.0),
        false => ("MAX_ORDER_PCT", limits.max_order_pct()),
    };
    let most = most.normalize();
    (position_pct < most).then(|| {
        format!(
            "where a language model judges, a purchase takes up to {name}={most}, whatever a strategy says: name at least that, or lower it"
        )
    })
}
