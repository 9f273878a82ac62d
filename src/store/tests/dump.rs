//! Everything a database holds, as text, to be compared.

use std::collections::BTreeMap;
use std::path::Path;

use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};

/// Rows by table, each row as JSON text of the chosen columns, sorted.
pub(super) type Dump = BTreeMap<String, Vec<String>>;

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Nullable<Text>)]
    value: Option<String>,
}

fn texts(conn: &mut SqliteConnection, sql: &str) -> Vec<String> {
    let rows: Vec<Row> = diesel::sql_query(sql).load(conn).unwrap_or_else(|error| panic!("{sql}: {error}"));
    rows.into_iter().map(|row| row.value.unwrap_or_default()).collect()
}

/// The program's tables and their columns, in the schema's order.
pub(super) fn columns(conn: &mut SqliteConnection) -> BTreeMap<String, Vec<String>> {
    let tables = "SELECT name AS value FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' \
                  AND name NOT LIKE '__diesel%'";
    let of = |conn: &mut SqliteConnection, table: &str| {
        texts(conn, &format!("SELECT name AS value FROM pragma_table_info('{table}') ORDER BY cid"))
    };
    texts(conn, tables)
        .into_iter()
        .map(|table| {
            let names = of(conn, &table);
            (table, names)
        })
        .collect()
}

/// The rows of the chosen columns.
pub(super) fn rows(conn: &mut SqliteConnection, chosen: &BTreeMap<String, Vec<String>>) -> Dump {
    let read = |(table, columns): (&String, &Vec<String>)| {
        let list = columns.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
        let sql = format!("SELECT json_array({list}) AS value FROM \"{table}\" ORDER BY 1");
        (table.clone(), texts(conn, &sql))
    };
    chosen.iter().map(read).collect()
}

/// Everything that a database in a file holds, a row a line: long texts too, which the file itself keeps in pieces.
pub(crate) fn text_of(path: &Path) -> String {
    let mut conn = SqliteConnection::establish(&path.display().to_string()).unwrap();
    let of_table = |(table, rows): (String, Vec<String>)| format!("{table}\n{}\n", rows.join("\n"));
    all(&mut conn).into_iter().map(of_table).collect()
}

/// Everything.
pub(super) fn all(conn: &mut SqliteConnection) -> Dump {
    let chosen = columns(conn);
    rows(conn, &chosen)
}
