//! A build script to be watched: compiles the model `probe` of the file in its argument.

use verilated::build::{Error, Model};

fn main() -> Result<(), Error> {
    let mut arguments = std::env::args().skip(1);
    let source = arguments.next().unwrap_or_default();
    let model = Model::new("probe")
        .source(source)
        .library_dir(".")
        .clock("clk")
        .trace(true);
    arguments.fold(model, Model::argument).compile()
}
