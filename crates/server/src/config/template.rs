//! The settings as a table, made by the same macro as the structs, and the template that is printed from it.

use std::fmt::Write as _;

/// A section of the settings, as its declaration says it.
#[derive(Debug, Clone)]
pub struct Section {
    /// Its name.
    pub name: &'static str,
    /// The lines of its doc comment.
    pub text: &'static [&'static str],
    /// Its keys, in order.
    pub keys: Vec<Key>,
}

/// A setting, as its declaration says it.
#[derive(Debug, Clone)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// The lines of its doc comment.
    pub text: &'static [&'static str],
    /// The default; `None` if the setting is absent unless it is set.
    pub default: Option<toml::Value>,
    /// A value that shows what it takes, in TOML.
    pub example: Option<&'static str>,
}

impl Key {
    /// A value of the kind that the setting takes.
    pub(super) fn sample(&self) -> Option<toml::Value> {
        let parsed = || self.example.and_then(|example| example.parse().ok());
        self.default.clone().or_else(parsed)
    }
}

/// Declares `Config`, its sections, their defaults, and the table of them all.
macro_rules! sections {
    ($(
        $(#[doc = $section_text:literal])+
        $section:ident: $Section:ident {
            $( $(#[doc = $text:literal])+ $key:ident: $type:ty = $default:expr $(, e.g. $example:literal)?; )+
        }
    )+) => {
        /// Every setting.
        #[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct Config {
            $( $(#[doc = $section_text])+ pub $section: $Section, )+
        }
        $(
            $(#[doc = $section_text])+
            #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
            #[serde(default, deny_unknown_fields)]
            pub struct $Section {
                $( $(#[doc = $text])+ pub $key: $type, )+
            }

            impl Default for $Section {
                fn default() -> Self {
                    Self { $( $key: $default, )+ }
                }
            }
        )+

        impl Config {
            /// Every section with its keys, texts and defaults.
            pub fn sections() -> Vec<Section> {
                let Self { $( $section, )+ } = Self::default();
                vec![ $( Section {
                    name: stringify!($section),
                    text: &[$($section_text),+],
                    keys: vec![ $( Key {
                        name: stringify!($key),
                        text: &[$($text),+],
                        default: toml::Value::try_from(&$section.$key).ok(),
                        example: None $(.or(Some($example)))?,
                    }, )+ ],
                }, )+ ]
            }
        }
    };
}
pub(super) use sections;

/// The commented configuration file with every setting at its default.
pub fn template() -> String {
    let mut out = String::from(
        "# Downlink's settings, each at its default. A variable DOWNLINK_<SECTION>_<KEY> goes before this file,\n\
         # and a flag of `downlink serve` before both.\n",
    );
    for Section { name, text, keys } in super::Config::sections() {
        out.push('\n');
        comment(&mut out, text);
        line(&mut out, format_args!("[{name}]"));
        for Key {
            name,
            text,
            default,
            example,
        } in keys
        {
            comment(&mut out, text);
            match (&default, example) {
                (Some(default), _) => line(&mut out, format_args!("{name} = {default}")),
                (None, example) => line(
                    &mut out,
                    format_args!("#{name} = {}", example.unwrap_or_default()),
                ),
            }
            if let (Some(_), Some(example)) = (&default, example) {
                line(&mut out, format_args!("#{name} = {example}"));
            }
        }
    }
    out
}

fn comment(out: &mut String, text: &[&str]) {
    for text in text {
        line(out, format_args!("#{text}"));
    }
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(out, "{text}").expect("a string takes every write");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Layers};

    #[test]
    fn the_printed_template_is_the_defaults() {
        let read: Config = toml::from_str(&template()).expect("the template is a configuration");
        assert_eq!(read, Config::default());
        for section in Config::sections() {
            for key in section.keys {
                let shown = format!("{} = ", key.name);
                assert!(template().contains(&shown), "{shown} is missing");
            }
        }
    }

    #[test]
    fn every_example_of_the_template_is_taken() {
        let mut found = 0;
        for section in Config::sections() {
            for (key, example) in section
                .keys
                .iter()
                .filter_map(|key| Some((key.name, key.example?)))
            {
                let text = format!("[{}]\n{key} = {example}\n", section.name);
                let read: Result<Config, _> = toml::from_str(&text);
                assert_ne!(
                    read.expect("the example is valid"),
                    Config::default(),
                    "{key}"
                );
                found += 1;
            }
        }
        assert!(found >= 3);
        assert!(Layers::default().join().is_ok());
    }
}
