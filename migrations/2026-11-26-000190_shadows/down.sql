DROP INDEX evolution_proposals_of_cycle;
DROP TABLE shadow_verdicts;
DROP TABLE shadow_sessions;
DROP TABLE shadow_plans;
