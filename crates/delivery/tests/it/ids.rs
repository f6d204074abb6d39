//! Ids, moments and names as they appear outside.

use delivery::{Answer, Cause, CommandId, DeviceId, IdError, Mid, Moment, Verdict};
use std::collections::BTreeSet;
use std::time::Duration;

#[test]
fn a_command_id_is_32_lower_case_hex_digits_and_reads_back() {
    let id = CommandId {
        seq: 0x0123_4567_89ab_cdef,
        tag: 0x0fed_cba9_8765_4321,
    };
    let text = "0123456789abcdef0fedcba987654321";
    assert_eq!(id.to_string(), text);
    assert_eq!(text.parse(), Ok(id));
    assert_eq!(text.to_uppercase().parse(), Ok(id));
    for wrong in [
        "",
        &text[1..],
        &format!("{text}0"),
        "+123456789abcdef0fedcba987654321",
        "g123456789abcdef0fedcba987654321",
        "éé23456789abcdef0fedcba9876543",
    ] {
        assert_eq!(wrong.parse::<CommandId>(), Err(IdError), "{wrong}");
    }
    assert_eq!(IdError.to_string(), "not a well-formed id");
}

#[test]
fn command_ids_sort_by_age() {
    let (old, new) = (CommandId { seq: 1, tag: 9 }, CommandId { seq: 2, tag: 0 });
    assert!(old < new && old.to_string() < new.to_string());
}

#[test]
fn a_device_id_is_a_uuid_that_carries_its_sequence_number() {
    let id = DeviceId::new(0x0123_4567_89ab, u128::MAX);
    assert_eq!(id.to_string(), "01234567-89ab-8fff-bfff-ffffffffffff");
    assert_eq!(id.seq(), 0x0123_4567_89ab);
    assert_eq!(id.to_string().parse(), Ok(id));
    assert_eq!(id.to_string().to_uppercase().parse(), Ok(id));
    assert_eq!(DeviceId::from_u128(id.as_u128()), id);
    let plain = DeviceId::new(1, 0);
    assert_eq!(plain.to_string(), "00000000-0001-8000-8000-000000000000");
    assert_eq!(DeviceId::new(1 << 48, 0).seq(), 0, "48 bits are used");
    assert_ne!(DeviceId::new(1, 2), DeviceId::new(1, 3));
}

#[test]
fn a_text_that_is_no_uuid_is_no_device_id() {
    let good = "01234567-89ab-8fff-bfff-ffffffffffff";
    let mut wrong = vec![
        String::new(),
        good.replace('-', ""),
        good.replace('-', "0"),
        format!("{good}0"),
        good.replace('f', "g"),
        good.replace("0123", "-123"),
        good.replace("89ab", "é9a"),
    ];
    wrong.push("ééééééééé".repeat(2));
    for text in wrong {
        assert_eq!(text.parse::<DeviceId>(), Err(IdError), "{text}");
    }
}

#[test]
fn a_moment_is_whole_milliseconds_and_stops_at_the_end_of_time() {
    let moment = Moment::from_millis(1000);
    assert_eq!((moment + Duration::from_micros(1999)).as_millis(), 1001);
    assert_eq!(
        moment.since(Moment::from_millis(400)),
        Duration::from_millis(600)
    );
    assert_eq!(Moment::from_millis(400).since(moment), Duration::ZERO);
    assert_eq!((moment + Duration::MAX).as_millis(), u64::MAX);
    assert_eq!(moment.to_string(), "1000 ms");
}

#[test]
fn every_cause_has_its_own_name() {
    let names: BTreeSet<_> = Cause::ALL.iter().map(|c| c.name()).collect();
    assert_eq!(names.len(), Cause::ALL.len());
    assert!(
        names
            .iter()
            .all(|n| n.len() > 3 && n.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'))
    );
    let late: Vec<_> = Cause::ALL
        .iter()
        .filter(|c| c.is_late())
        .map(|c| c.name())
        .collect();
    assert_eq!(late, ["late_acknowledgement", "late_answer"]);
}

#[test]
fn mids_and_answers_are_plain_values() {
    let mid = Mid::new(65_535).expect("it is a mid");
    assert_eq!(
        (mid.number(), mid.to_string()),
        (65_535, "65535".to_owned())
    );
    let answer = Answer {
        verdict: Verdict::Success,
        detail: None,
        off_profile: false,
    };
    assert_eq!(answer.clone(), answer);
}
