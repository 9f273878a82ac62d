-- What a language model was asked and what it said, and what each judgement by one rests on.
CREATE TABLE consultations (
    quota_date text NOT NULL,
    purpose text NOT NULL,
    session_date text NOT NULL,
    slot text NOT NULL,
    stocks text NOT NULL,
    threshold integer NOT NULL CHECK (threshold BETWEEN 0 AND 100),
    prompt_version integer NOT NULL,
    asked_model text NOT NULL,
    system text NOT NULL,
    prompt text NOT NULL,
    asked_at_ms integer NOT NULL,
    latency_ms integer NOT NULL,
    reply text,
    reply_bytes integer NOT NULL,
    model text,
    response_id text,
    input_tokens integer,
    output_tokens integer,
    total_tokens integer,
    failure text,
    PRIMARY KEY (quota_date, purpose),
    FOREIGN KEY (quota_date, purpose) REFERENCES oracle_calls (quota_date, purpose),
    CHECK ((reply IS NULL) <> (failure IS NULL))
) STRICT;
CREATE INDEX consultations_of_session ON consultations (session_date, asked_at_ms);
CREATE TRIGGER consultations_stay BEFORE DELETE ON consultations
BEGIN SELECT RAISE(ABORT, 'what a model was asked stays'); END;
CREATE TRIGGER consultations_never_change BEFORE UPDATE ON consultations
BEGIN SELECT RAISE(ABORT, 'what a model was asked never changes'); END;

CREATE TABLE decision_bases (
    decision_id text PRIMARY KEY NOT NULL REFERENCES decisions (id),
    quota_date text NOT NULL,
    purpose text NOT NULL,
    withheld text,
    delay_minutes integer NOT NULL,
    FOREIGN KEY (quota_date, purpose) REFERENCES consultations (quota_date, purpose)
) STRICT;
CREATE INDEX decision_bases_of_call ON decision_bases (quota_date, purpose);
CREATE TRIGGER decision_bases_stay BEFORE DELETE ON decision_bases
BEGIN SELECT RAISE(ABORT, 'what a judgement rests on stays'); END;
CREATE TRIGGER decision_bases_never_change BEFORE UPDATE ON decision_bases
BEGIN SELECT RAISE(ABORT, 'what a judgement rests on never changes'); END;
