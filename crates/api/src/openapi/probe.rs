//! Finds out what a reader asks, by having it read: first nothing, then a request that grows by each member it asked for.

use serde_json::{Value, json};

use crate::Invalid;
use crate::asked::{Asked, Rule, listen};
use crate::query::{Query, QueryWriter};

/// Rounds until a request has everything; each adds one level of objects at least.
const ROUNDS_MAX: usize = 8;

/// What a reader of JSON bodies asks.
pub(super) fn of_json(read: fn(&[u8]) -> Result<(), Invalid>) -> Vec<Asked> {
    grow(|asked| {
        let mut body = json!({});
        for member in asked {
            put(&mut body, &member.path, &member.name, sample(&member.rule));
        }
        read(body.to_string().as_bytes())
    })
}

/// What a reader of forms asks.
pub(super) fn of_form(read: fn(&[u8]) -> Result<(), Invalid>) -> Vec<Asked> {
    grow(|asked| read(pairs(asked).as_bytes()))
}

/// What a reader of queries asks.
pub(super) fn of_query(read: fn(&Query) -> Result<(), Invalid>) -> Vec<Asked> {
    grow(|asked| read(&Query::parse(&pairs(asked))))
}

fn grow(read: impl Fn(&[Asked]) -> Result<(), Invalid>) -> Vec<Asked> {
    let mut known: Vec<Asked> = Vec::new();
    for _ in 0..ROUNDS_MAX {
        let mut outcome = Ok(());
        let asked = listen(|| outcome = read(&known));
        let grown = asked.iter().any(|member| !known.contains(member));
        for member in asked {
            if !known.contains(&member) {
                known.push(member);
            }
        }
        if !grown {
            outcome.expect("a reader takes a request that has everything it asks for");
            return known;
        }
    }
    panic!("a reader asks without end: {known:?}")
}

/// A value that satisfies the rule.
pub(super) fn sample(rule: &Rule) -> Value {
    match rule {
        Rule::Text { chars }
        | Rule::RequiredText { chars }
        | Rule::Letters { chars }
        | Rule::RequiredLetters { chars } => "a".repeat((*chars.start()).max(1)).into(),
        Rule::Word { words } | Rule::RequiredWord { words } => words[0].into(),
        Rule::Hex { digits } => "a".repeat(*digits.start()).into(),
        Rule::Integer { least, .. } => least.parse::<i64>().expect("a bound").into(),
        Rule::Boolean => true.into(),
        Rule::Object | Rule::RequiredObject => json!({}),
        Rule::Objects { .. } => json!([{}]),
        Rule::Texts { chars, .. } | Rule::RequiredTexts { chars, .. } => {
            json!(["a".repeat((*chars.start()).max(1))])
        }
        Rule::CallbackUrl => "https://example.com/".into(),
        Rule::Moment => "20151212T121212Z".into(),
        Rule::Select => "imsi".into(),
    }
}

/// Puts a value at its path; the objects on the way are there, for they were asked for before.
fn put(body: &mut Value, path: &str, name: &str, value: Value) {
    let mut at = body;
    for step in path.split('.').filter(|step| !step.is_empty()) {
        at = match &mut at[step] {
            Value::Array(items) => &mut items[0],
            object => object,
        };
    }
    at[name] = value;
}

fn pairs(asked: &[Asked]) -> String {
    let mut writer = QueryWriter::default();
    // The end of a time range lies after its start.
    for (name, mut value) in asked.iter().map(|one| (&one.name, sample(&one.rule))) {
        if name == "endTime" {
            value = "20161212T121212Z".into();
        }
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        writer = writer.pair(name, Some(text));
    }
    writer.finish()
}
