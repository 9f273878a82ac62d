-- Loses halts of single stocks, what persons said of disputes, absences from final lists, the account's other shares, and since
-- when orders are unknown. What the way there computes from intents and fills is computed again: numbers had, orders of
-- unknown fate, own shares.
DROP TABLE share_doubts;
DROP TABLE adopted_accounts;
DROP TABLE external_shares;
DROP TABLE net_shares;
DROP TABLE order_lists;
DROP TABLE unknowns;
DROP TABLE resolutions;
DROP TABLE symbol_releases;
DROP TABLE symbol_halts;
ALTER TABLE strangers DROP COLUMN limit_micros;
ALTER TABLE intents DROP COLUMN first_final_ms;
ALTER TABLE intents DROP COLUMN final_lists;
ALTER TABLE intents DROP COLUMN had_number;
