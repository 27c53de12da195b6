//! Remembers which kernels a device was fastest with. Advice only: what is read here is tested like anything
//! else, and a file that is missing, corrupt or from elsewhere is as good as none.

use crate::device::DeviceInfo;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Changes when what is remembered changes meaning.
const FORMAT: u32 = 2;
/// Larger files are not ours.
const MAX_BYTES: u64 = 1 << 20;
/// Devices and shapes remembered; beyond it the file starts anew.
const MAX_CHOICES: usize = 256;

/// Where choices are remembered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CachePlace {
    /// In the user's cache directory; in a browser nowhere.
    #[default]
    User,
    /// In this directory.
    In(PathBuf),
    /// Nowhere.
    Off,
}

/// What a device's choice among kernels is remembered by: the adapter, its driver and the kernels' texts.
#[must_use]
pub fn key<'a>(info: &DeviceInfo, texts: impl IntoIterator<Item = &'a str>) -> String {
    let mut hasher = DefaultHasher::new();
    texts.into_iter().for_each(|text| text.hash(&mut hasher));
    format!("{} {} {}, kernels {:016x}", info.name, info.backend, info.driver, hasher.finish())
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: u32,
    choices: BTreeMap<String, Value>,
}

impl CachePlace {
    /// The file, if there is a place for one.
    #[must_use]
    pub fn file(&self) -> Option<PathBuf> {
        Some(self.directory()?.join("kernels.json"))
    }

    /// The directory of what is remembered, if there is a place for it.
    #[must_use]
    pub fn directory(&self) -> Option<PathBuf> {
        if cfg!(target_family = "wasm") {
            return None;
        }
        match self {
            Self::User => Some(user_directory()?.join("sphere-pow")),
            Self::In(directory) => Some(directory.clone()),
            Self::Off => None,
        }
    }

    /// The choice remembered for `key`.
    #[must_use]
    pub fn load<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        serde_json::from_value(read(&self.file()?)?.choices.remove(key)?).ok()
    }

    /// Remembers a choice; where that fails, the next start tunes again.
    pub fn store(&self, key: &str, choice: &impl Serialize) {
        let (Some(path), Ok(choice)) = (self.file(), serde_json::to_value(choice)) else { return };
        let _changing = changing();
        let mut file = read(&path).unwrap_or(File { format: FORMAT, choices: BTreeMap::new() });
        if file.choices.len() >= MAX_CHOICES {
            file.choices.clear();
        }
        file.choices.insert(key.to_owned(), choice);
        if let Err(error) = write_json(&path, &file) {
            tracing::debug!("{}: {error}", path.display());
        }
    }
}

fn read(path: &Path) -> Option<File> {
    read_json(path).filter(|file: &File| file.format == FORMAT)
}

/// Held while a file is read, changed and written: devices are opened side by side.
pub(crate) fn changing() -> MutexGuard<'static, ()> {
    static CHANGING: Mutex<()> = Mutex::new(());
    CHANGING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a file of ours holds; nothing where it is none.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Option<T> {
    // A pipe would be waited for.
    let meta = fs::metadata(path).ok()?;
    if !meta.is_file() || meta.len() > MAX_BYTES {
        return None;
    }
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

/// Whole or not at all: another process may read at any time.
pub(crate) fn write_json(path: &Path, file: &impl Serialize) -> std::io::Result<()> {
    let text = serde_json::to_vec_pretty(file)?;
    fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
    let new = path.with_extension(format!("{}.new", std::process::id()));
    fs::write(&new, text)?;
    fs::rename(&new, path)
}

fn user_directory() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || set("HOME");
    set("XDG_CACHE_HOME").or_else(|| {
        if cfg!(windows) {
            set("LOCALAPPDATA")
        } else if cfg!(target_os = "macos") {
            Some(home()?.join("Library/Caches"))
        } else {
            Some(home()?.join(".cache"))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Choice {
        rows: u32,
    }

    fn load(cache: &CachePlace, key: &str) -> Option<Choice> {
        cache.load(key)
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_in_its_place_is_not_waited_for() {
        let directory = tempfile::tempdir().expect("a directory");
        let cache = CachePlace::In(directory.path().to_owned());
        let made = std::process::Command::new("mkfifo").arg(cache.file().expect("a place")).status();
        assert!(made.is_ok_and(|status| status.success()));
        assert_eq!(load(&cache, "a"), None);
        cache.store("a", &Choice { rows: 4 });
        assert_eq!(load(&cache, "a"), Some(Choice { rows: 4 }));
    }

    #[test]
    fn devices_that_are_opened_side_by_side_are_all_remembered() {
        let directory = tempfile::tempdir().expect("a directory");
        let cache = CachePlace::In(directory.path().to_owned());
        let keys: Vec<String> = (0..32).map(|ix| format!("device {ix}")).collect();
        std::thread::scope(|scope| {
            for key in &keys {
                scope.spawn(|| cache.store(key, &Choice { rows: 4 }));
            }
        });
        for key in &keys {
            assert_eq!(load(&cache, key), Some(Choice { rows: 4 }), "{key}");
        }
    }

    #[test]
    fn choices_come_back() {
        let directory = tempfile::tempdir().expect("a directory");
        let cache = CachePlace::In(directory.path().join("new"));
        assert_eq!(load(&cache, "a"), None);
        cache.store("a", &Choice { rows: 4 });
        cache.store("b", &Choice { rows: 8 });
        cache.store("a", &Choice { rows: 16 });
        assert_eq!(
            (load(&cache, "a"), load(&cache, "b")),
            (Some(Choice { rows: 16 }), Some(Choice { rows: 8 }))
        );
        assert_eq!(load(&CachePlace::Off, "a"), None);
    }

    #[test]
    fn corrupt_and_foreign_files_are_as_good_as_none() {
        let directory = tempfile::tempdir().expect("a directory");
        let cache = CachePlace::In(directory.path().to_owned());
        cache.store("a", &Choice { rows: 4 });
        let path = cache.file().expect("a file");
        let good = fs::read_to_string(&path).expect("written");
        let bad = [
            String::new(),
            "{".into(),
            "[]".into(),
            good.replace("\"format\": 2", "\"format\": 1"),
            good.replace("rows", "columns"),
            good.replace("4", "-4"),
            " ".repeat(2 << 20),
        ];
        for text in bad {
            fs::write(&path, &text).expect("written");
            assert_eq!(load(&cache, "a"), None, "{}", &text[..text.len().min(200)]);
            cache.store("b", &Choice { rows: 8 });
            assert_eq!(load(&cache, "b"), Some(Choice { rows: 8 }));
        }
    }
}
