//! `toe params`: the settings in force, and the source of each.

use std::path::Path;

use comfy_table::Table;
use toe_driver::{Parameters, Policy, Settings, Sources};
use toe_testbench::adapter_defaults;
use toe_testbench::report::STYLE;

use crate::arguments::ParamsArguments;
use crate::error::Failure;
use crate::outputs::print;

/// The command line and the parameter file as sources of settings.
pub(crate) fn sources(
    command_line: Parameters,
    file: Option<&Path>,
) -> Result<(Sources, Settings), Failure> {
    let mut sources = Sources::new().user_interface(command_line);
    if let Some(file) = file {
        sources = sources.parameter_file(file).map_err(Failure::bad_input)?;
    }
    let settings = sources
        .resolve(&adapter_defaults())
        .map_err(Failure::bad_input)?;
    Ok((sources, settings))
}

pub(crate) fn run(arguments: &ParamsArguments) -> Result<(), Failure> {
    let command_line = Parameters {
        indicate_window_size: arguments.window,
        acknowledge: arguments.acknowledge,
        policy: arguments.policy.map(Policy::from),
        ..Parameters::default()
    };
    let (_, settings) = sources(command_line, arguments.params.as_deref())?;
    let mut table = Table::new();
    table
        .load_style(STYLE)
        .set_header(["setting", "value", "source"]);
    for line in settings.explain() {
        table.add_row([line.key.to_owned(), line.value, line.source.to_string()]);
    }
    let defaults = adapter_defaults();
    print(&format!(
        "{}\nof the simulated adapter, which holds {} connections\n",
        table.trim_fmt(),
        defaults.connections
    ))
}
