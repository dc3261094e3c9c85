//! `make mutants`: breaks the rules of the system one at a time, and tells which test noticed.
//!
//! Arguments: words; only mutations that have one of them in their name or file, or as their behaviour, are run.
//! Exit status: 0 each was caught, 1 one was not, or the tree fails as it is, 2 the table is stale.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use comfy_table::{ContentArrangement, Table as Printed, presets};
use toe_testbench::mutants::{Campaign, MutantsError, Mutation, Outcome, Table, Verdict};

/// Lines of what a compiler said that are shown.
const LINES: usize = 20;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match run(&words) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("mutants: {error}");
            let own = matches!(error, MutantsError::Unmutated { .. });
            ExitCode::from(if own { 1 } else { 2 })
        }
    }
}

fn run(words: &[String]) -> Result<bool, MutantsError> {
    let testbench = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = testbench.parent().unwrap_or(testbench);
    let mut mutations = Table::read(root)?.mutations;
    if !words.is_empty() {
        mutations.retain(|mutation| words.iter().any(|word| is_meant(mutation, word)));
    }
    println!(
        "mutants: {} mutations; first the tests as they are",
        mutations.len()
    );
    let campaign = Campaign::begin(root, &target(root), &mutations)?;
    let mut rows = Vec::new();
    for mutation in &mutations {
        let outcome = campaign.run(mutation)?;
        let seconds = outcome.time.as_secs();
        match &outcome.verdict {
            Verdict::Caught(_) => println!("mutants: caught in {seconds} s: {}", mutation.name),
            Verdict::Survived => println!("mutants: SURVIVED: {}", mutation.name),
            Verdict::NotBuilt(said) => {
                let said: Vec<_> = said.lines().take(LINES).collect();
                println!(
                    "mutants: DOES NOT BUILD: {}\n{}",
                    mutation.name,
                    said.join("\n")
                );
            }
        }
        rows.push((mutation, outcome));
    }
    print(&rows);
    let bad = |(_, outcome): &&(&Mutation, Outcome)| !matches!(outcome.verdict, Verdict::Caught(_));
    let bad = rows.iter().filter(bad).count();
    println!("\nmutants: {} of {} caught", rows.len() - bad, rows.len());
    Ok(bad == 0)
}

fn is_meant(mutation: &Mutation, word: &str) -> bool {
    mutation.behaviour == word || mutation.name.contains(word) || mutation.file.contains(word)
}

/// Cargo's target folder: the one that this program lies in.
fn target(root: &Path) -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    let folder = program
        .ancestors()
        .find(|folder| folder.join("CACHEDIR.TAG").is_file());
    folder.map_or_else(|| root.join("target"), Path::to_path_buf)
}

fn print(rows: &[(&Mutation, Outcome)]) {
    let mut table = Printed::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(["mutation", "breaks", "caught by", "seconds"]);
    for (mutation, outcome) in rows {
        let verdict = match &outcome.verdict {
            Verdict::Caught(tests) => tests.join("\n"),
            Verdict::Survived => "NOTHING".to_owned(),
            Verdict::NotBuilt(_) => "DOES NOT BUILD".to_owned(),
        };
        table.add_row([
            mutation.name.as_str(),
            &mutation.behaviour,
            &verdict,
            &outcome.time.as_secs().to_string(),
        ]);
    }
    println!("\n{}", table.trim_fmt());
}
