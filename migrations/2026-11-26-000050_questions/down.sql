DROP INDEX events_of_kind;
DROP INDEX intents_of_stock;
DROP INDEX refusals_of_decision;
DROP INDEX decisions_of_stock;
