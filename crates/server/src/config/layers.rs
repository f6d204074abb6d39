//! Layers of settings: the file, then the environment, then flags. Each error says where the faulty value stands.

use super::{Config, Section};
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// What the names of environment variables begin with.
const PREFIX: &str = "DOWNLINK_";

/// Settings from several places; later ones go before earlier ones.
#[derive(Debug, Default)]
pub struct Layers {
    table: Table,
}

/// Why there is no configuration. Written for whoever starts the program.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("the configuration file {} cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not a configuration.
    #[error("the configuration file {} is not valid: {message}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        message: String,
    },
    /// A variable or a flag has no valid value.
    #[error("{origin}: {message}")]
    Value {
        /// The variable or the flag.
        origin: String,
        /// What is wrong.
        message: String,
    },
    /// Values that are valid alone and not together, or out of bounds.
    #[error("{key}: {message}")]
    Setting {
        /// The setting, `section.key`.
        key: &'static str,
        /// What is wrong.
        message: String,
    },
}

impl Layers {
    /// Adds the file at `path`.
    ///
    /// # Errors
    /// The file cannot be read, is not TOML, or holds an unknown key or a value of the wrong kind.
    pub fn file(&mut self, path: &Path) -> Result<(), ConfigError> {
        let read = std::fs::read_to_string(path);
        let text = read.map_err(|source| ConfigError::Read {
            path: path.to_owned(),
            source,
        })?;
        let wrong = |error: toml::de::Error| ConfigError::File {
            path: path.to_owned(),
            message: error.to_string(),
        };
        // The text itself is read first, because then the error knows the line.
        toml::from_str::<Config>(&text).map_err(wrong)?;
        merge(&mut self.table, text.parse::<Table>().map_err(wrong)?);
        Ok(())
    }

    /// Adds every variable `DOWNLINK_<SECTION>_<KEY>` whose section there is.
    ///
    /// # Errors
    /// A variable names no setting of its section, or has a value of the wrong kind.
    pub fn environment(
        &mut self,
        vars: impl Iterator<Item = (String, String)>,
    ) -> Result<(), ConfigError> {
        let sections = Config::sections();
        for (name, text) in vars {
            let Some(setting) = name.strip_prefix(PREFIX).map(str::to_lowercase) else {
                continue;
            };
            let found = sections
                .iter()
                .find_map(|s| Some((s, setting.strip_prefix(s.name)?.strip_prefix('_')?)));
            let Some((section, key)) = found else {
                continue;
            };
            self.put(&name, (section, key), &text)?;
        }
        Ok(())
    }

    /// Adds one setting, `section.key`, given as text; `origin` is what an error shows.
    ///
    /// # Errors
    /// There is no such setting, or the value is of the wrong kind.
    pub fn set(&mut self, origin: &str, setting: &str, text: &str) -> Result<(), ConfigError> {
        let sections = Config::sections();
        let found = setting.split_once('.').and_then(|(section, key)| {
            let section = sections.iter().find(|s| s.name == section)?;
            Some((section, key))
        });
        let no_section = || {
            let names: Vec<_> = sections.iter().map(|s| s.name).collect();
            value_error(
                origin,
                format!(
                    "there is no section for `{setting}`; sections are {}",
                    names.join(", ")
                ),
            )
        };
        self.put(origin, found.ok_or_else(no_section)?, text)
    }

    /// The configuration, checked as a whole.
    ///
    /// # Errors
    /// Values that are out of bounds, or do not go together.
    pub fn join(mut self) -> Result<Config, ConfigError> {
        self.keep_tests_local();
        let config: Config =
            Value::Table(self.table)
                .try_into()
                .map_err(|error: toml::de::Error| {
                    value_error("configuration", error.message().to_owned())
                })?;
        super::check::check(&config)?;
        Ok(config)
    }

    fn put(
        &mut self,
        origin: &str,
        place: (&Section, &str),
        text: &str,
    ) -> Result<(), ConfigError> {
        let (section, name) = place;
        let key = section.keys.iter().find(|key| key.name == name);
        let Some(key) = key else {
            let names: Vec<_> = section.keys.iter().map(|key| key.name).collect();
            let message = format!(
                "section `{}` has no setting `{name}`, but {}",
                section.name,
                names.join(", ")
            );
            return Err(value_error(origin, message));
        };
        let value = parse(key.sample().as_ref(), text);
        let mut alone = Table::new();
        alone.insert(
            section.name.into(),
            Value::Table(Table::from_iter([(name.to_owned(), value)])),
        );
        let fits: Result<Config, toml::de::Error> = Value::Table(alone.clone()).try_into();
        fits.map_err(|error| {
            value_error(origin, format!("`{text}` is no value: {}", error.message()))
        })?;
        merge(&mut self.table, alone);
        Ok(())
    }

    /// With the test clock, what has no address of its own listens on loopback (R9.1).
    fn keep_tests_local(&mut self) {
        let wanted = self
            .table
            .get("clock")
            .and_then(|clock| clock.get("test"))
            .and_then(Value::as_bool);
        if wanted != Some(true) {
            return;
        }
        for (section, key) in [("north", "address"), ("mqtt", "tls_address")] {
            let section = self
                .table
                .entry(section)
                .or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(section) = section {
                section
                    .entry(key)
                    .or_insert_with(|| Value::String("127.0.0.1".into()));
            }
        }
    }
}

/// Reads a value that has no quotes where `sample` is a text, and is TOML otherwise.
fn parse(sample: Option<&Value>, text: &str) -> Value {
    let plain = || Value::String(text.to_owned());
    let of_texts = |list: &[Value]| list.first().is_none_or(Value::is_str);
    match sample {
        Some(Value::String(_)) => plain(),
        Some(Value::Array(list)) if of_texts(list) && !text.trim_start().starts_with('[') => {
            let parts = text
                .split(',')
                .map(str::trim)
                .filter(|part| !part.is_empty());
            Value::Array(parts.map(|part| Value::String(part.to_owned())).collect())
        }
        _ => text.parse().unwrap_or_else(|_| plain()),
    }
}

/// Puts the later layer's keys over the earlier one's, section by section.
fn merge(earlier: &mut Table, later: Table) {
    for (name, value) in later {
        match (earlier.get_mut(&name), value) {
            (Some(Value::Table(section)), Value::Table(later)) => section.extend(later),
            (_, value) => drop(earlier.insert(name, value)),
        }
    }
}

fn value_error(origin: &str, message: String) -> ConfigError {
    ConfigError::Value {
        origin: origin.to_owned(),
        message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(vars: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let mut layers = Layers::default();
        layers.environment(
            vars.iter()
                .map(|(name, text)| ((*name).to_owned(), (*text).to_owned())),
        )?;
        layers.join()
    }

    fn file(text: &str) -> Result<Config, ConfigError> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("downlink.toml");
        std::fs::write(&path, text).expect("written");
        let mut layers = Layers::default();
        layers.file(&path)?;
        layers.join()
    }

    #[test]
    fn later_layers_go_before_earlier_ones() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("downlink.toml");
        std::fs::write(&path, "[north]\nport = 1\ntls = false\n[mqtt]\nport = 2\n")
            .expect("written");
        let mut layers = Layers::default();
        layers.file(&path).expect("a file");
        let vars = [("DOWNLINK_NORTH_PORT", "3"), ("DOWNLINK_MQTT_PORT", "4")];
        layers
            .environment(vars.map(|(n, v)| (n.to_owned(), v.to_owned())).into_iter())
            .expect("variables");
        layers
            .set("--north-port", "north.port", "5")
            .expect("a flag");
        let config = layers.join().expect("valid");
        assert_eq!(
            (config.north.port, config.mqtt.port, config.north.tls),
            (5, 4, false)
        );
    }

    #[test]
    fn values_of_every_kind_come_from_variables() {
        let config = environment(&[
            ("DOWNLINK_DATA_FOLDER", "/var/lib/downlink"),
            ("DOWNLINK_NORTH_ERROR_STATUS", "http"),
            ("DOWNLINK_TLS_CERT_FILE", "123"),
            ("DOWNLINK_TLS_KEY_FILE", "k"),
            ("DOWNLINK_TLS_NAMES", "a.example, b.example"),
            ("DOWNLINK_COMMANDS_RESEND_AFTER_S", "[[1,2],[3,4],[5,6]]"),
            ("DOWNLINK_LOG_JSON", "true"),
            ("DOWNLINK_SERVICE_PORT", "tcp://10.0.0.1:1"),
            ("HOME", "/"),
        ]);
        let config = config.expect("valid");
        assert_eq!(config.data.folder, Path::new("/var/lib/downlink"));
        assert_eq!(config.north.error_status, crate::config::ErrorStatus::Http);
        assert_eq!(config.tls.cert_file.as_deref(), Some(Path::new("123")));
        assert_eq!(config.tls.names, ["a.example", "b.example"]);
        assert_eq!(config.commands.resend_after_s, [[1, 2], [3, 4], [5, 6]]);
        assert!(config.log.json);
    }

    #[test]
    fn an_error_says_where_the_fault_stands() {
        let cases = [
            (file("[north]\nprt = 1\n"), "line 2"),
            (file("[north]\nprt = 1\n"), "unknown field `prt`"),
            (file("[nort]\n"), "unknown field `nort`"),
            (file("[north]\nport = \"x\"\n"), "expected u16"),
            (file("[north\n"), "line 1"),
            (
                environment(&[("DOWNLINK_NORTH_PRT", "1")]),
                "DOWNLINK_NORTH_PRT: section `north` has no setting `prt`",
            ),
            (
                environment(&[("DOWNLINK_NORTH_PORT", "70000")]),
                "DOWNLINK_NORTH_PORT: `70000` is no value",
            ),
            (
                environment(&[("DOWNLINK_NORTH_ERROR_STATUS", "x")]),
                "DOWNLINK_NORTH_ERROR_STATUS: `x` is no value",
            ),
            (
                environment(&[("DOWNLINK_ADMIN_ADDRESS", "0.0.0.0")]),
                "admin.address: ",
            ),
        ];
        for (outcome, part) in cases {
            let text = outcome.expect_err(part).to_string();
            assert!(text.contains(part), "{text:?} lacks {part:?}");
        }
        let mut layers = Layers::default();
        let text = layers
            .set("--set", "nort.port", "1")
            .expect_err("no section")
            .to_string();
        assert!(
            text.starts_with("--set: there is no section for `nort.port`"),
            "{text}"
        );
        assert!(
            layers
                .file(Path::new("/nowhere/x.toml"))
                .expect_err("no file")
                .to_string()
                .contains("/nowhere/x.toml")
        );
    }

    #[test]
    fn r9_1_a_test_clock_keeps_every_listener_on_loopback() {
        let config = environment(&[("DOWNLINK_CLOCK_TEST", "true")]).expect("valid");
        assert!(config.north.address.is_loopback() && config.mqtt.tls_address.is_loopback());
        let open = environment(&[
            ("DOWNLINK_CLOCK_TEST", "true"),
            ("DOWNLINK_NORTH_ADDRESS", "0.0.0.0"),
        ]);
        assert!(
            open.expect_err("refused")
                .to_string()
                .starts_with("north.address: ")
        );
    }
}
