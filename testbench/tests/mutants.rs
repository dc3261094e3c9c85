//! The table of `make mutants` is in step with the tree, and says so when it is not.

use std::fs;
use std::path::{Path, PathBuf};

use toe_testbench::mutants::{MutantsError, Mutation, Table, TestName};

fn root() -> PathBuf {
    let testbench = Path::new(env!("CARGO_MANIFEST_DIR"));
    testbench.parent().unwrap_or(testbench).to_path_buf()
}

#[test]
fn every_mutation_finds_its_text_once_and_its_tests() {
    let table = match Table::read(&root()) {
        Ok(table) => table,
        Err(error) => panic!("{error}"),
    };
    assert!(table.mutations.len() >= 12);
    let models = fs::read_to_string(root().join("sim/build.rs")).expect("the models");
    for Mutation {
        name,
        file,
        models: wanted,
        tests,
        ..
    } in &table.mutations
    {
        for TestName {
            package,
            file,
            test,
        } in tests
        {
            let folder = package.trim_start_matches("toe-");
            let path = root().join(folder).join("tests").join(format!("{file}.rs"));
            let text = fs::read_to_string(&path).expect("a file of tests");
            assert!(
                text.contains(&format!("fn {test}(")),
                "{name}: no test {file}/{test}"
            );
        }
        for model in wanted {
            assert!(
                models.contains(&format!("\"{model}\"")),
                "{name}: no model {model}"
            );
        }
        let rtl = file.starts_with("rtl/");
        assert!(
            !(rtl && wanted.is_empty()),
            "{name}: no model is built anew"
        );
    }
}

#[test]
fn a_text_that_is_gone_or_stands_twice_is_told_with_its_file() {
    let mutation = Mutation {
        name: "a byte too many".to_owned(),
        behaviour: "B8".to_owned(),
        file: "rtl/some.v".to_owned(),
        old: "a <= b;".to_owned(),
        new: "a <= b + 1;".to_owned(),
        models: Vec::new(),
        tests: Vec::new(),
    };
    assert_eq!(
        mutation.apply("x a <= b; y").ok().as_deref(),
        Some("x a <= b + 1; y")
    );
    for (text, found) in [("", 0), ("a <= b; a <= b;", 2)] {
        let error = mutation.apply(text).expect_err("it is stale");
        assert!(matches!(error, MutantsError::Stale { times, .. } if times == found));
        let said = error.to_string();
        assert!(
            said.starts_with("rtl/some.v: ") && said.contains("\"a byte too many\""),
            "{said}"
        );
    }
}
