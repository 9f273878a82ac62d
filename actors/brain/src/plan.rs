//! How the calls of a day are spread over the markets, and what one call can take at most.

use domain::messages::ledger::{BudgetCeilings, BudgetShare, CallCost};
use domain::{Market, OracleRequest, TokenUsage};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

/// Tokens that a server adds to a question for its own form of it.
const FORM_TOKENS: u64 = 256;
/// A token is hardly ever longer than this in bytes; usual are four of Latin letters (LLM.md 1.7). A server that counts fewer
/// tokens than that makes has not counted the whole question.
const TOKEN_MAX_BYTES: u64 = 16;

/// What the model may take in a day, and who is promised what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BudgetPlan {
    /// The most of a day.
    pub ceilings: BudgetCeilings,
    /// What tokens cost; none: money is not counted.
    pub prices: Option<TokenPrices>,
    /// Calls that are kept for each group of markets.
    pub shares: Vec<BudgetShare>,
}

/// Prices in USD for a million tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenPrices {
    /// Of the question.
    pub input: Decimal,
    /// Of the answer, thoughts included.
    pub output: Decimal,
}

impl BudgetPlan {
    /// Spreads the calls over the markets: turn by turn one for each group, until each has what its slots of a day need or
    /// nothing is left. Markets of one currency share a group, because those that open together share a question.
    /// `slots` are the questions of a group in a day; none: as many as there are.
    pub fn spread(
        markets: &[Market],
        slots: Option<u32>,
        ceilings: BudgetCeilings,
        prices: Option<TokenPrices>,
    ) -> Self {
        let mut shares: Vec<BudgetShare> = Vec::new();
        for market in markets {
            let same = |share: &&mut BudgetShare| {
                share.markets.iter().any(|one| one.currency() == market.currency())
            };
            match shares.iter_mut().find(same) {
                Some(share) => share.markets.push(*market),
                None => shares.push(BudgetShare { markets: vec![*market], floor: 0 }),
            }
        }
        let groups = u32::try_from(shares.len()).unwrap_or(u32::MAX).max(1);
        let (even, over) = (ceilings.calls / groups, ceilings.calls % groups);
        for (turn, share) in (0_u32..).zip(&mut shares) {
            let most = even + u32::from(turn < over);
            share.floor = slots.map_or(most, |slots| slots.min(most));
        }
        Self { ceilings, prices, shares }
    }

    /// The most that a question can take: no token is shorter than a byte. `output` is the longest answer in tokens.
    pub fn worst(&self, question: &OracleRequest, output: u32) -> CallCost {
        let schema = question.schema.as_ref().map_or(0, |schema| schema.to_string().len());
        let schema = u64::try_from(schema).unwrap_or(u64::MAX);
        self.cost(text_bytes(question).saturating_add(schema).saturating_add(FORM_TOKENS), output.into())
    }

    /// What a call took, as far as the model told and can be believed; none: it keeps counting as the most it could take.
    /// Fewer tokens than the question must have, no answer at all or a total below the question are not believed; what a total
    /// holds beside the question is of the answer, thoughts among it, which is never cheaper.
    pub fn taken(&self, usage: TokenUsage, question: &OracleRequest) -> Option<CallCost> {
        let TokenUsage { input, output, total } = usage;
        let least = (text_bytes(question) / TOKEN_MAX_BYTES).max(1);
        let input = input.filter(|tokens| *tokens >= least)?;
        let beside_question = match total {
            Some(total) => Some(total.checked_sub(input)?),
            None => None,
        };
        let output = output.max(beside_question).filter(|tokens| *tokens > 0)?;
        Some(self.cost(input, output))
    }

    fn cost(&self, input: u64, output: u64) -> CallCost {
        let money = self.prices.and_then(|prices| prices.micros(input, output));
        let money_micros = if self.prices.is_some() { money.unwrap_or(u64::MAX) } else { 0 };
        CallCost { tokens: input.saturating_add(output), money_micros }
    }
}

fn text_bytes(question: &OracleRequest) -> u64 {
    u64::try_from(question.system.len() + question.prompt.len()).unwrap_or(u64::MAX)
}

impl TokenPrices {
    /// Millionths of a USD, rounded up: a price for a million tokens is one in millionths for each.
    fn micros(self, input: u64, output: u64) -> Option<u64> {
        let of = |tokens: u64, price: Decimal| Decimal::from(tokens).checked_mul(price);
        of(input, self.input)?.checked_add(of(output, self.output)?)?.ceil().to_u64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn floors(markets: &[Market], slots: Option<u32>, calls: u32) -> Vec<(usize, u32)> {
        let ceilings = BudgetCeilings { calls, tokens: None, money_micros: None };
        let plan = BudgetPlan::spread(markets, slots, ceilings, None);
        plan.shares.iter().map(|share| (share.markets.len(), share.floor)).collect()
    }

    #[test]
    fn each_group_is_promised_its_slots_or_an_even_part_of_what_there_is() {
        use Market::{Hk, Jp, Kr, UsAmex, UsNasdaq, UsNyse};
        assert_eq!(floors(&[Kr, UsNasdaq], Some(4), 20), [(1, 4), (1, 4)]);
        assert_eq!(floors(&[Kr, UsNasdaq, UsNyse, UsAmex], Some(4), 20), [(1, 4), (3, 4)]);
        assert_eq!(floors(&[Kr, UsNasdaq, Jp], Some(4), 8), [(1, 3), (1, 3), (1, 2)]);
        assert_eq!(floors(&[Kr, UsNasdaq, Jp, Hk], Some(4), 2), [(1, 1), (1, 1), (1, 0), (1, 0)]);
        assert_eq!(floors(&[Kr, Jp], None, 7), [(1, 4), (1, 3)]);
        assert_eq!(floors(&Market::ALL, Some(4), 20).len(), 6);
        assert_eq!(floors(&[], Some(4), 20), []);
        assert_eq!(floors(&[Kr], Some(4), 0), [(1, 0)]);
    }

    #[test]
    fn a_call_costs_what_its_tokens_cost_rounded_up() {
        let prices = TokenPrices { input: "0.10".parse().unwrap(), output: "0.40".parse().unwrap() };
        let ceilings = BudgetCeilings { calls: 1, tokens: None, money_micros: Some(9) };
        let plan = BudgetPlan::spread(&[Market::Kr], Some(1), ceilings, Some(prices));
        let usage = |input, output, total| TokenUsage { input, output, total };
        let cost = |tokens, money_micros| Some(CallCost { tokens, money_micros });
        let question = question("가", "ab");
        let taken = |usage| plan.taken(usage, &question);
        assert_eq!(taken(usage(Some(1_000), Some(101), None)), cost(1_101, 141));
        assert_eq!(taken(usage(Some(1_000), None, Some(1_101))), cost(1_101, 141));
        assert_eq!(taken(usage(None, None, Some(5))), None, "unknown is not zero");
        assert_eq!(taken(usage(Some(u64::MAX), Some(1), None)), cost(u64::MAX, u64::MAX / 10 + 1));
        assert_eq!(Some(plan.worst(&question, 10)), cost(5 + 256 + 10, 31));
    }

    fn question(system: &str, prompt: &str) -> OracleRequest {
        let timeout = std::time::Duration::ZERO;
        OracleRequest {
            system: system.into(),
            prompt: prompt.into(),
            schema: None,
            max_output_tokens: 10,
            timeout,
        }
    }

    #[test]
    fn usage_that_cannot_be_true_is_not_believed_and_thoughts_count_wherever_they_are_told() {
        let ceilings = BudgetCeilings { calls: 1, tokens: Some(9), money_micros: None };
        let plan = BudgetPlan::spread(&[Market::Kr], Some(1), ceilings, None);
        let question = question(&"s".repeat(1_000), &"p".repeat(600));
        let cases = [
            ((Some(400), Some(100), Some(500)), Some(500)),
            // Thoughts that only the total has.
            ((Some(1_000), Some(100), Some(3_600)), Some(3_600)),
            ((Some(0), Some(0), Some(0)), None),
            ((Some(0), Some(100), None), None),
            ((Some(400), Some(0), Some(400)), None),
            ((Some(400), None, None), None),
            // 1,600 bytes are at least a hundred tokens.
            ((Some(1), Some(1), Some(2)), None),
            ((Some(99), Some(100), None), None),
            ((Some(100), Some(100), None), Some(200)),
            ((Some(400), Some(100), Some(399)), None),
            // A total below its parts, but not below the question: the larger part counts.
            ((Some(400), Some(100), Some(450)), Some(500)),
        ];
        for ((input, output, total), tokens) in cases {
            let taken = plan.taken(TokenUsage { input, output, total }, &question);
            assert_eq!(taken.map(|cost| cost.tokens), tokens, "{input:?} {output:?} {total:?}");
        }
    }
}
