//! Opening the database: pragmas, integrity, migrations, the seed's missing columns; and what to do when it fails.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use diesel::migration::{Migration, MigrationSource, MigrationVersion};
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel::sqlite::Sqlite;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use supervision::mutant::{self, Mutant};

use super::fault::{Trouble, trouble};
use super::{SqliteReader, SqliteStore};

pub(super) const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations");

/// How long a statement waits for another program's lock.
const BUSY_TIMEOUT_MS: u32 = 5000;

/// Columns that a database of the seed may lack, as the seed's own table defines them.
const SEED_COLUMNS: [(&str, &str); 3] = [
    ("market", "market TEXT DEFAULT 'KR'"),
    ("exchange_code", "exchange_code TEXT DEFAULT 'KRX'"),
    ("selection_context", "selection_context TEXT"),
];

/// Why the database cannot be used, with the remedy.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The directory or the file cannot be written.
    #[error(
        "cannot write the database {}: {why}; give this user write access to its directory, or set DB_PATH", path.display()
    )]
    Unwritable {
        /// The database.
        path: PathBuf,
        /// What the system says.
        why: String,
    },
    /// The file is no sound SQLite database. Nothing was changed; trading must not start on it.
    #[error(
        "the database {} is damaged ({why}); move it aside and restore a copy, or start with an empty one and let \
         the exchange's order list fill it", path.display()
    )]
    Damaged {
        /// The database.
        path: PathBuf,
        /// What the integrity check found first.
        why: String,
    },
    /// Another program holds it.
    #[error("the database {} is locked by another program; close that program and start again", path.display())]
    Locked {
        /// The database.
        path: PathBuf,
    },
    /// It was written by a newer version of this program.
    #[error(
        "the database {} has the newer schema {version}; start the version of kestrel that wrote it", path.display()
    )]
    NewerSchema {
        /// The database.
        path: PathBuf,
        /// The newest migration it has.
        version: String,
    },
    /// It was written by an older version of this program, and reading does not change it.
    #[error(
        "the database {} has an older schema; start `kestrel run` once, which brings it up to date", path.display()
    )]
    OlderSchema {
        /// The database.
        path: PathBuf,
    },
    /// There is no such database.
    #[error("there is no database {}; start `kestrel run` once, or set DB_PATH", path.display())]
    Missing {
        /// The database.
        path: PathBuf,
    },
    /// Anything else.
    #[error("cannot open the database {}: {why}; look at the file system it is on", path.display())]
    Failed {
        /// The database.
        path: PathBuf,
        /// What SQLite says.
        why: String,
    },
}

/// A database that was opened, checked and migrated once; it makes connections for as long as it lives.
///
/// A database in memory exists while this value does: it keeps the shared cache open.
pub struct Database {
    path: PathBuf,
    url: String,
    /// Held, not used: the last connection to a database in memory is its life.
    _keeper: Option<Mutex<SqliteConnection>>,
}

impl Database {
    /// Opens, checks and migrates the database at `path`, creating it and its directory if they are missing.
    /// `:memory:` is a database of its own in memory.
    ///
    /// # Errors
    /// [`OpenError`], each with its remedy.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        let path = path.as_ref();
        let in_memory = is_memory(path);
        let url = if in_memory { memory_url() } else { file_url(path)? };
        if !in_memory {
            create_directory(path)?;
        }
        let database = Self { path: path.to_owned(), url, _keeper: None };
        database.check()?;
        let mut connection = database.writer()?;
        database.migrate(&mut connection)?;
        let keeper = in_memory.then(|| Mutex::new(connection));
        Ok(Self { _keeper: keeper, ..database })
    }

    /// Checks a database that is there already before anything is written into it: a writer's connection changes the
    /// header, and its end may copy a damaged journal into the file.
    fn check(&self) -> Result<(), OpenError> {
        if is_memory(&self.path) || !self.path.metadata().is_ok_and(|file| file.len() > 0) {
            return Ok(());
        }
        let only_read = check_integrity(&mut self.read_only_connection()?);
        // Somebody died in the middle of a change that a rollback journal takes back, as at the first start, before the
        // journal is written ahead. Who only reads cannot take it back.
        let is_half_done = || is_there(&self.path, "-journal") && !is_there(&self.path, "-wal");
        let checked = match only_read {
            Err(why) if matches!(trouble(&why), Trouble::Unwritable) && is_half_done() => {
                check_integrity(&mut self.connect()?)
            }
            checked @ (Ok(()) | Err(_)) => checked,
        };
        checked.map_err(|why| self.damaged_or(why))
    }

    /// A connection that changes nothing, not even by its end.
    fn read_only_connection(&self) -> Result<SqliteConnection, OpenError> {
        let url = read_only_url(&self.path).ok_or_else(|| OpenError::Failed {
            path: self.path.clone(),
            why: "the path is not UTF-8".to_owned(),
        })?;
        let opened = SqliteConnection::establish(&url);
        let mut connection = opened.map_err(|error| self.explain(&error.to_string()))?;
        self.run(&mut connection, &format!("PRAGMA busy_timeout = {BUSY_TIMEOUT_MS};"))?;
        Ok(connection)
    }

    /// The writer's connection. One at a time.
    ///
    /// # Errors
    /// [`OpenError`] when the file has become unusable.
    pub fn store(&self) -> Result<SqliteStore, OpenError> {
        Ok(SqliteStore::new(self.writer()?))
    }

    /// A writer's connection for what happens before any agent runs.
    pub(super) fn connection(&self) -> Result<SqliteConnection, OpenError> {
        self.writer()
    }

    /// A connection that can only read, for reports and `why`.
    ///
    /// # Errors
    /// [`OpenError`] when the file has become unusable.
    pub fn reader(&self) -> Result<SqliteReader, OpenError> {
        self.read_connection().map(SqliteReader::new)
    }

    fn writer(&self) -> Result<SqliteConnection, OpenError> {
        let mut connection = self.connect()?;
        // WAL and FULL: a commit is on the disk before its answer, and before the POST it allows.
        let pragmas = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;";
        self.run(&mut connection, pragmas)?;
        if mutant::is_on(Mutant::NoSync) {
            self.run(&mut connection, "PRAGMA synchronous = OFF;")?;
        }
        Ok(connection)
    }

    fn read_connection(&self) -> Result<SqliteConnection, OpenError> {
        let mut connection = self.connect()?;
        // In a shared cache a reader would otherwise lock the tables it reads.
        self.run(&mut connection, "PRAGMA query_only = ON; PRAGMA read_uncommitted = ON;")?;
        Ok(connection)
    }

    fn connect(&self) -> Result<SqliteConnection, OpenError> {
        let opened = SqliteConnection::establish(&self.url);
        let mut connection = opened.map_err(|error| self.explain(&error.to_string()))?;
        self.run(&mut connection, &format!("PRAGMA busy_timeout = {BUSY_TIMEOUT_MS};"))?;
        Ok(connection)
    }

    fn run(&self, connection: &mut SqliteConnection, sql: &str) -> Result<(), OpenError> {
        use diesel::connection::SimpleConnection;
        connection.batch_execute(sql).map_err(|error| self.explain(&error.to_string()))
    }

    fn migrate(&self, connection: &mut SqliteConnection) -> Result<(), OpenError> {
        if let Some(version) = newer_schema(connection).map_err(|why| self.explain(&why))? {
            return Err(OpenError::NewerSchema { path: self.path.clone(), version });
        }
        connection.run_pending_migrations(MIGRATIONS).map_err(|error| self.explain(&error.to_string()))?;
        add_seed_columns(connection).map_err(|error| self.explain(&error.to_string()))
    }

    /// Reading neither migrates nor guesses what another version meant.
    fn refuse_other_schema(&self, connection: &mut SqliteConnection) -> Result<(), OpenError> {
        let path = self.path.clone();
        let schema = schema_age(connection).map_err(|why| self.explain(&why))?;
        match schema {
            SchemaAge::Ours => Ok(()),
            SchemaAge::Older => Err(OpenError::OlderSchema { path }),
            SchemaAge::Newer(version) => Err(OpenError::NewerSchema { path, version }),
        }
    }

    fn damaged_or(&self, why: String) -> OpenError {
        match trouble(&why) {
            Trouble::Locked | Trouble::Full | Trouble::Unwritable => self.explain(&why),
            Trouble::Damaged | Trouble::Other => OpenError::Damaged { path: self.path.clone(), why },
        }
    }

    fn explain(&self, why: &str) -> OpenError {
        let path = self.path.clone();
        match trouble(why) {
            Trouble::Locked => OpenError::Locked { path },
            Trouble::Damaged => OpenError::Damaged { path, why: why.to_owned() },
            Trouble::Unwritable => OpenError::Unwritable { path, why: why.to_owned() },
            Trouble::Full | Trouble::Other => OpenError::Failed { path, why: why.to_owned() },
        }
    }
}

/// Opens, checks and migrates the database at `path` and gives its writer.
///
/// For a database in memory use [`Database::open`], which keeps it alive when the writer is reopened.
///
/// # Errors
/// [`OpenError`], each with its remedy.
pub fn open(path: impl AsRef<Path>) -> Result<SqliteStore, OpenError> {
    Database::open(path)?.store()
}

/// Opens an existing database for reading only: reports never delay a permit. It is neither created nor migrated.
///
/// # Errors
/// [`OpenError::Missing`], or why it cannot be read.
pub fn open_read_only(path: impl AsRef<Path>) -> Result<SqliteReader, OpenError> {
    let database = at(path.as_ref())?;
    let mut connection = database.read_connection()?;
    database.refuse_other_schema(&mut connection)?;
    Ok(SqliteReader::new(connection))
}

/// A connection that can only read, to a database that exists and need not be ours. Nothing is made or changed by looking.
pub(super) fn read_only(path: &Path) -> Result<SqliteConnection, OpenError> {
    at(path)?.read_only_connection()
}

/// A connection to a database that exists, for what SQLite calls writing although it leaves the database alone.
pub(super) fn existing(path: &Path) -> Result<SqliteConnection, OpenError> {
    let database = at(path)?;
    let mut connection = database.connect()?;
    database.refuse_other_schema(&mut connection)?;
    Ok(connection)
}

fn at(path: &Path) -> Result<Database, OpenError> {
    if !path.is_file() {
        return Err(OpenError::Missing { path: path.to_owned() });
    }
    Ok(Database { path: path.to_owned(), url: file_url(path)?, _keeper: None })
}

fn is_memory(path: &Path) -> bool {
    path.as_os_str() == ":memory:"
}

/// A name of its own per call, so that two databases in one process do not meet.
fn memory_url() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("file:kestrel-{}-{number}?mode=memory&cache=shared", std::process::id())
}

/// SQLite would read a path that begins with `file:` as a URI, so a relative one is marked as a path.
fn file_url(path: &Path) -> Result<String, OpenError> {
    let text = path.to_str().ok_or_else(|| OpenError::Failed {
        path: path.to_owned(),
        why: "the path is not UTF-8".to_owned(),
    })?;
    Ok(if path.is_absolute() { text.to_owned() } else { format!("./{text}") })
}

/// A URI that SQLite opens without the right to write. Whatever means something in a URI is escaped.
fn read_only_url(path: &Path) -> Option<String> {
    let absolute = std::path::absolute(path).ok()?;
    let mut url = String::from("file:");
    for byte in absolute.to_str()?.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.') {
            url.push(char::from(byte));
        } else {
            url.push_str(&format!("%{byte:02X}"));
        }
    }
    url.push_str("?mode=ro");
    Some(url)
}

/// True when a file of that ending lies beside the database, and is not empty
/// (<https://www.sqlite.org/lockingv3.html>, hot journals).
fn is_there(path: &Path, ending: &str) -> bool {
    let mut beside = path.as_os_str().to_owned();
    beside.push(ending);
    fs::metadata(beside).is_ok_and(|file| file.len() > 0)
}

fn create_directory(path: &Path) -> Result<(), OpenError> {
    match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => fs::create_dir_all(directory)
            .map_err(|error| OpenError::Unwritable { path: path.to_owned(), why: error.to_string() }),
        Some(_) | None => Ok(()),
    }
}

#[derive(QueryableByName)]
struct IntegrityRow {
    #[diesel(sql_type = Text)]
    integrity_check: String,
}

/// The first thing the check complains of, or the reason it could not run.
fn check_integrity(connection: &mut SqliteConnection) -> Result<(), String> {
    let rows: Vec<IntegrityRow> =
        diesel::sql_query("PRAGMA integrity_check(1)").load(connection).map_err(|error| error.to_string())?;
    match rows.first() {
        Some(row) if row.integrity_check == "ok" => Ok(()),
        Some(row) => Err(row.integrity_check.clone()),
        None => Err("the integrity check gave no answer".to_owned()),
    }
}

#[derive(QueryableByName)]
struct OrphanRow {
    #[diesel(sql_type = Text)]
    name: String,
}

/// The integrity check, and that every row points at rows that exist.
pub(super) fn check_soundness(connection: &mut SqliteConnection) -> Result<(), String> {
    check_integrity(connection)?;
    let orphans: Vec<OrphanRow> =
        diesel::sql_query("SELECT DISTINCT \"table\" AS name FROM pragma_foreign_key_check()")
            .load(connection)
            .map_err(|error| error.to_string())?;
    match orphans.first() {
        Some(orphan) => Err(format!("rows of {} point at rows that are gone", orphan.name)),
        None => Ok(()),
    }
}

/// A schema against this program's own.
enum SchemaAge {
    Ours,
    Older,
    /// Its newest migration.
    Newer(String),
}

/// Without a table of migrations the database is the seed's, or nobody's. Nothing is created by looking.
fn schema_age(connection: &mut SqliteConnection) -> Result<SchemaAge, String> {
    let mut names = |sql: &str| -> Result<Vec<String>, String> {
        let rows: Vec<ColumnRow> =
            diesel::sql_query(sql).load(connection).map_err(|error| error.to_string())?;
        Ok(rows.into_iter().map(|row| row.name).collect())
    };
    if names("SELECT name FROM sqlite_master WHERE name = '__diesel_schema_migrations'")?.is_empty() {
        return Ok(SchemaAge::Older);
    }
    let applied = names("SELECT version AS name FROM __diesel_schema_migrations")?;
    let known: Vec<Box<dyn Migration<Sqlite>>> =
        MIGRATIONS.migrations().map_err(|error| error.to_string())?;
    let known: Vec<String> = known.iter().map(|one| one.name().version().to_string()).collect();
    let newer = applied.iter().filter(|version| !known.contains(version)).max();
    Ok(match newer {
        Some(version) => SchemaAge::Newer(version.clone()),
        None if known.iter().all(|version| applied.contains(version)) => SchemaAge::Ours,
        None => SchemaAge::Older,
    })
}

/// The newest migration of the database that this program does not know.
fn newer_schema(connection: &mut SqliteConnection) -> Result<Option<String>, String> {
    let applied: Vec<MigrationVersion<'static>> =
        connection.applied_migrations().map_err(|error| error.to_string())?;
    let known: Vec<Box<dyn Migration<Sqlite>>> =
        MIGRATIONS.migrations().map_err(|error| error.to_string())?;
    let is_known = |version: &MigrationVersion<'_>| {
        known.iter().any(|migration| migration.name().version().to_string() == version.to_string())
    };
    Ok(applied.iter().filter(|version| !is_known(version)).map(ToString::to_string).max())
}

#[derive(QueryableByName)]
pub(super) struct ColumnRow {
    #[diesel(sql_type = Text)]
    pub(super) name: String,
}

/// Gives an old table of the seed its last three columns; its rows get the defaults.
fn add_seed_columns(connection: &mut SqliteConnection) -> Result<(), diesel::result::Error> {
    connection.immediate_transaction(|conn| {
        let present: Vec<ColumnRow> =
            diesel::sql_query("SELECT name FROM pragma_table_info('trades')").load(conn)?;
        for (name, definition) in SEED_COLUMNS {
            if !present.iter().any(|column| column.name == name) {
                diesel::sql_query(format!("ALTER TABLE trades ADD COLUMN {definition}")).execute(conn)?;
            }
        }
        Ok(())
    })
}
