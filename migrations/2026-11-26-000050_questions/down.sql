DROP INDEX selections_of_stock;
DROP INDEX events_of_kind;
DROP INDEX intents_of_stock;
DROP INDEX refusals_of_decision;
DROP INDEX decisions_of_stock;
