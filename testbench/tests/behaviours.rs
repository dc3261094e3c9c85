//! Every behaviour has tests, and they say so: `// B12, B25` above a test names what it shows.
//!
//! The adapter's are looked for in the tests of the RTL, the driver's in its tests on the scripted adapter, and each of them in
//! those of both together.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

/// The Named Buffer, the window and the receive process.
const ALL: RangeInclusive<u32> = 1..=32;
/// What the driver does alone: start-up, the receive process, what it acknowledges and when.
const DRIVER_S: [RangeInclusive<u32>; 3] = [4..=4, 13..=14, 16..=23];
/// What the adapter does alone: its count, and the bytes that it holds.
const ADAPTER_S: [RangeInclusive<u32>; 2] = [7..=7, 10..=10];
/// Tests of `testbench/tests` with the RTL and the driver.
const TOGETHER: [&str; 4] = ["captures.rs", "overlap.rs", "replay.rs", "together.rs"];

fn root() -> PathBuf {
    let testbench = Path::new(env!("CARGO_MANIFEST_DIR"));
    testbench.parent().unwrap_or(testbench).to_path_buf()
}

/// The behaviours that a comment names: `B12, B25 to B28`.
fn named(comment: &str) -> BTreeSet<u32> {
    let words: Vec<&str> = comment.split([' ', ',', ':', ';', '.', '(', ')']).collect();
    let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
    let number = |word: &&str| {
        word.strip_prefix('B')
            .and_then(|digits| digits.parse().ok())
    };
    let mut found: BTreeSet<u32> = words.iter().filter_map(number).collect();
    for range in words.windows(3).filter(|range| range[1] == "to") {
        if let (Some(from), Some(to)) = (number(&range[0]), number(&range[2])) {
            found.extend(from..=to);
        }
    }
    found
}

/// The tests of a file, each with the behaviours that it names.
fn tests(text: &str) -> Vec<(String, BTreeSet<u32>)> {
    let mut found = Vec::new();
    let mut comment = BTreeSet::new();
    let mut is_test = false;
    for line in text.lines().map(str::trim) {
        if let Some(said) = line.strip_prefix("//") {
            comment.extend(named(said));
        } else if line.starts_with("#[") {
            is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
        } else {
            let name = line.strip_prefix("async ").unwrap_or(line);
            let name = name
                .strip_prefix("fn ")
                .and_then(|rest| rest.split('(').next());
            if let (true, Some(name)) = (is_test, name) {
                found.push((name.to_owned(), std::mem::take(&mut comment)));
            }
            comment.clear();
            is_test = false;
        }
    }
    found
}

/// By behaviour, the tests in the files of a folder that are wanted.
fn shown(folder: &str, wanted: impl Fn(&str) -> bool) -> BTreeMap<u32, Vec<String>> {
    let mut shown: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    for entry in fs::read_dir(root().join(folder)).expect("a folder of tests") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|name| name.to_str());
        let Some(name) = name.filter(|name| name.ends_with(".rs") && wanted(name)) else {
            continue;
        };
        let text = fs::read_to_string(&path).expect("a test");
        for (test, behaviours) in tests(&text) {
            for behaviour in behaviours {
                let place = format!("{folder}/{name}: {test}");
                shown.entry(behaviour).or_default().push(place);
            }
        }
    }
    shown
}

fn each_is_shown(who: &str, shown: &BTreeMap<u32, Vec<String>>, but_for: &[RangeInclusive<u32>]) {
    let due = ALL.filter(|number| !but_for.iter().any(|range| range.contains(number)));
    let missing: Vec<_> = due
        .filter(|number| !shown.contains_key(number))
        .map(|number| format!("B{number}"))
        .collect();
    assert!(missing.is_empty(), "no test of {who} names {missing:?}");
}

#[test]
fn the_rtl_has_a_test_of_each_behaviour_of_the_adapter() {
    let shown = shown("testbench/tests", |name| !TOGETHER.contains(&name));
    each_is_shown("the RTL", &shown, &DRIVER_S);
}

#[test]
fn the_driver_has_a_test_of_each_of_its_behaviours() {
    let shown = shown("driver/tests", |_| true);
    each_is_shown("the driver", &shown, &ADAPTER_S);
}

#[test]
fn each_behaviour_has_a_test_of_both_together() {
    let shown = shown("testbench/tests", |name| TOGETHER.contains(&name));
    each_is_shown("both together", &shown, &[]);
}

#[test]
fn a_comment_names_what_stands_in_it_and_belongs_to_the_next_test_alone() {
    assert_eq!(
        named(" B5 to B7, B11: it (B15)."),
        BTreeSet::from([5, 6, 7, 11, 15])
    );
    let text =
        "// B1\nfn helper() {}\n\n// B2, B3: why\n#[test]\nfn first() {\n}\n#[test]\nfn second() {";
    let expected = [("first", vec![2, 3]), ("second", vec![])];
    let expected = expected.map(|(name, named)| (name.to_owned(), named.into_iter().collect()));
    assert_eq!(tests(text), expected);
}
