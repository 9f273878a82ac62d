-- What comes through the chat is handled once, in order: the last update and when, by the wall clock. Every command is kept
-- with who sent it, by number, and what became of it; no text of a sender is.
CREATE TABLE chat_place (
    id integer PRIMARY KEY NOT NULL CHECK (id = 1),
    update_id integer NOT NULL,
    at_ms integer NOT NULL
) STRICT;
CREATE TABLE chat_commands (
    seq integer PRIMARY KEY NOT NULL,
    update_id integer NOT NULL,
    at_ms integer NOT NULL,
    chat_id integer,
    user_id integer,
    command text NOT NULL,
    verdict text NOT NULL,
    unbooked integer NOT NULL
) STRICT;
CREATE TRIGGER chat_place_stays BEFORE DELETE ON chat_place
BEGIN SELECT RAISE(ABORT, 'the place of the chat stays'); END;
CREATE TRIGGER chat_commands_stay BEFORE DELETE ON chat_commands
BEGIN SELECT RAISE(ABORT, 'commands of the chat stay'); END;
CREATE TRIGGER chat_commands_are_final BEFORE UPDATE ON chat_commands
BEGIN SELECT RAISE(ABORT, 'commands of the chat are final'); END;
