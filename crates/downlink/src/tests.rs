//! The command line itself: every command explains itself, and every example of it is one.

use super::*;
use clap::CommandFactory;

/// Every command, with its path.
fn commands() -> Vec<(String, clap::Command)> {
    let mut found = Vec::new();
    let mut waiting = vec![("downlink".to_owned(), Cli::command())];
    while let Some((path, command)) = waiting.pop() {
        let below = command.get_subcommands().cloned();
        waiting.extend(below.map(|below| (format!("{path} {}", below.get_name()), below)));
        found.push((path, command));
    }
    found
}

/// The examples in a command's help: lines that begin with the program's name.
fn examples(command: &clap::Command) -> Vec<String> {
    let help = command
        .get_after_help()
        .map(ToString::to_string)
        .unwrap_or_default();
    let lines = help.lines().map(str::trim);
    lines
        .filter(|line| line.starts_with("downlink "))
        .map(str::to_owned)
        .collect()
}

/// Splits a line as a shell does, up to a pipe, a redirection or a comment; quotes may not be nested.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for letter in line.chars() {
        match (letter, quote) {
            (_, Some(open)) if open == letter => quote = None,
            ('\'' | '"', None) => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            ('|' | '>' | '<' | '&', None) => break,
            ('#', None) if word.is_none() => break,
            (' ', None) => words.extend(word.take()),
            (_, Some(_) | None) => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words
}

#[test]
fn every_command_and_every_argument_is_explained_and_none_is_defined_twice() {
    Cli::command().debug_assert();
    for (path, command) in commands() {
        assert!(command.get_about().is_some(), "{path} has no help");
        for arg in command.get_arguments() {
            assert!(
                arg.get_help().is_some(),
                "{path} {} has no help",
                arg.get_id()
            );
        }
    }
}

#[test]
fn every_command_shows_an_example_of_itself() {
    for (path, command) in commands() {
        let shown = examples(&command);
        assert!(
            shown.iter().any(|line| line.starts_with(&path)),
            "{path} has no example: {shown:?}"
        );
    }
}

#[test]
fn every_example_is_understood() {
    for (path, command) in commands() {
        for line in examples(&command) {
            if let Err(error) = Cli::try_parse_from(words(&line)) {
                panic!("{path}: `{line}`: {error}");
            }
        }
    }
}

#[test]
fn an_example_is_split_as_a_shell_would() {
    assert_eq!(words("a 'b c' \"d\" | e"), ["a", "b c", "d"]);
    assert_eq!(words("a b#c  # d"), ["a", "b#c"]);
    assert_eq!(words("a '' x='{\"y\":1}'"), ["a", "", "x={\"y\":1}"]);
}

#[test]
fn json_may_be_asked_for_anywhere() {
    for line in ["downlink --json version", "downlink version --json"] {
        assert!(
            Cli::try_parse_from(words(line)).unwrap().place.json,
            "{line}"
        );
    }
    // The command's own `--json`, where it has one, is the same.
    for line in [
        "downlink --json app list",
        "downlink app --json list",
        "downlink app list --json",
    ] {
        assert!(
            Cli::try_parse_from(words(line)).unwrap().place.json,
            "{line}"
        );
    }
}

#[test]
fn completions_are_made_for_every_shell() {
    for shell in <clap_complete::Shell as clap::ValueEnum>::value_variants() {
        let mut script = Vec::new();
        clap_complete::generate(*shell, &mut Cli::command(), "downlink", &mut script);
        let script = String::from_utf8(script).unwrap();
        for word in ["completions", "device", "--data", "profile"] {
            let bare = word.trim_start_matches('-');
            assert!(script.contains(bare), "{shell}: {word}");
        }
    }
}
