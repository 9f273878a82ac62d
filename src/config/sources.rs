//! Where settings come from: the environment, the file `.env`, and for secrets a file of their own.
//!
//! `NAME_FILE` instead of the secret `NAME` names a file that holds it, as Docker and systemd hand secrets over: it then
//! stands neither in the environment nor in `.env`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::reader::Mistake;
use super::settings::{SETTINGS, Setting};
use super::{Mistakes, single};

/// Names and values.
pub(super) type Pairs = BTreeMap<String, String>;

/// The file of settings, in the working directory.
const ENV_FILE: &str = ".env";
/// Longest file of settings, in bytes.
const ENV_FILE_MAX_BYTES: u64 = 256 * 1024;
/// Longest file of one secret, in bytes.
const SECRET_FILE_MAX_BYTES: u64 = 16 * 1024;
/// What a secret's name ends with when a file is named instead.
pub(super) const FILE_SUFFIX: &str = "_FILE";

/// Everything that is set: the environment wins over `.env`, and files of secrets are read.
///
/// # Errors
/// What cannot be read; never its content.
pub(super) fn process_environment() -> Result<Pairs, Mistakes> {
    let mut pairs = match File::open(ENV_FILE) {
        Ok(file) => env_file(file)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Pairs::new(),
        Err(error) => return Err(single(ENV_FILE, error.to_string())),
    };
    pairs.extend(own_variables());
    with_secret_files(pairs)
}

/// One setting, whatever else is wrong.
pub(super) fn one(name: &str) -> Option<String> {
    let in_file = || {
        let lines = dotenvy::from_read_iter(File::open(ENV_FILE).ok()?.take(ENV_FILE_MAX_BYTES));
        lines.filter_map(Result::ok).filter(|(found, _)| found == name).map(|(_, value)| value).last()
    };
    let value = std::env::var(name).ok().or_else(in_file)?;
    Some(value.trim().to_owned()).filter(|value| !value.is_empty())
}

/// A variable that is not UTF-8 cannot be one of ours.
fn own_variables() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)))
}

/// The settings of a file in the form of `.env`.
///
/// # Errors
/// When it cannot be read, has a line that is no setting, or is too long.
pub(super) fn env_file(file: impl Read) -> Result<Pairs, Mistakes> {
    let text = read_text(file, ENV_FILE_MAX_BYTES).map_err(|why| single(ENV_FILE, why))?;
    dotenvy::from_read_iter(text.as_bytes())
        .collect::<Result<Pairs, _>>()
        // The library's own words quote the line, which may hold a secret: they are not passed on.
        .map_err(|_| {
            single(
                ENV_FILE,
                "a line cannot be read; allowed: NAME=value, with quotes around a value that has blanks"
                    .into(),
            )
        })
}

/// Puts the content of each `NAME_FILE` in the place of `NAME`.
///
/// # Errors
/// Every file that cannot be read, and every secret that is given twice.
pub(super) fn with_secret_files(mut pairs: Pairs) -> Result<Pairs, Mistakes> {
    let mut mistakes = Vec::new();
    for Setting { name, .. } in SETTINGS.iter().filter(|setting| setting.is_secret()) {
        let by_file = format!("{name}{FILE_SUFFIX}");
        let path = pairs.remove(&by_file).map(|path| path.trim().to_owned()).filter(|path| !path.is_empty());
        let Some(path) = path else { continue };
        let is_set = pairs.get(*name).is_some_and(|value| !value.trim().is_empty());
        match read_secret(Path::new(&path)) {
            Ok(_) if is_set => {
                let problem = format!("{name} is set too; set one of the two");
                mistakes.push(Mistake { name: by_file, problem });
            }
            Ok(secret) => drop(pairs.insert((*name).to_owned(), secret)),
            Err(why) => {
                let problem =
                    format!("'{path}': {why}; allowed: a file that holds nothing but the value of {name}");
                mistakes.push(Mistake { name: by_file, problem });
            }
        }
    }
    if mistakes.is_empty() { Ok(pairs) } else { Err(Mistakes(mistakes)) }
}

fn read_secret(path: &Path) -> Result<String, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let secret = read_text(file, SECRET_FILE_MAX_BYTES)?.trim().to_owned();
    if secret.is_empty() { Err("the file is empty".into()) } else { Ok(secret) }
}

fn read_text(file: impl Read, bytes_max: u64) -> Result<String, String> {
    let mut bytes = Vec::new();
    file.take(bytes_max + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > bytes_max {
        return Err(format!("it is longer than {bytes_max} bytes"));
    }
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".into())
}

/// What others on this machine may read although it can hold secrets, with the remedy.
pub(super) fn exposed() -> Option<String> {
    let mode = std::fs::metadata(ENV_FILE).ok()?.permissions().mode();
    (mode & 0o077 != 0).then(|| {
        format!("others may open {ENV_FILE}, which can hold keys; close it with: chmod 600 {ENV_FILE}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(given: &[(&str, &str)]) -> Pairs {
        given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_secret_may_stand_in_a_file_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        for setting in SETTINGS.iter().filter(|setting| setting.is_secret()) {
            let path = folder.path().join(setting.name);
            std::fs::write(&path, " canary \n").unwrap();
            let by_file = format!("{}_FILE", setting.name);
            let read =
                with_secret_files(pairs(&[(&by_file, path.to_str().unwrap()), ("MODE", "paper")])).unwrap();
            assert_eq!(read, pairs(&[(setting.name, "canary"), ("MODE", "paper")]));
        }
    }

    #[test]
    fn a_secret_that_is_missing_empty_too_long_or_given_twice_is_named_and_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, content: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, content).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let cases = [
            (file("empty", b" \n"), "empty"),
            (file("long", &[b'c'; 20_000]), "longer than"),
            (file("binary", b"canary\xff"), "not UTF-8"),
            (folder.path().join("none").to_str().unwrap().to_owned(), "No such file"),
            ("/dev/zero".to_owned(), "longer than"),
        ];
        for (path, why) in cases {
            let text = with_secret_files(pairs(&[("KIS_APP_KEY_FILE", &path)])).unwrap_err().to_string();
            assert!(text.contains("KIS_APP_KEY_FILE") && text.contains(why), "{text}");
            assert!(!text.contains("canary"), "{text}");
        }
        let twice = [("GEMINI_API_KEY", "canary-1"), ("GEMINI_API_KEY_FILE", &*file("key", b"canary-2"))];
        let text = with_secret_files(pairs(&twice)).unwrap_err().to_string();
        assert!(text.contains("one of the two") && !text.contains("canary"), "{text}");
    }

    #[test]
    fn a_file_of_settings_is_bounded_and_a_broken_line_is_not_quoted() {
        assert_eq!(
            env_file(&b"MODE=paper\n# x\nDB_PATH='a b'\n"[..]).unwrap(),
            pairs(&[("MODE", "paper"), ("DB_PATH", "a b")])
        );
        for broken in [&b"KIS_APP_SECRET=canary secret\n"[..], b"\xffcanary", &[b'#'; 300_000]] {
            let text = env_file(broken).unwrap_err().to_string();
            assert!(text.contains(".env") && !text.contains("canary"), "{text}");
        }
    }
}
