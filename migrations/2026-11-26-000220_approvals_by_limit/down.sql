DROP TABLE limit_approvals;
