DROP TABLE chat_commands;
DROP TABLE chat_place;
