//! Compiles the designs of the tests and of the bench.

use verilated::build::{Error, Model, compile_all};

fn main() -> Result<(), Error> {
    let mill = |name: &str, stages: u32| {
        let model = Model::new(name)
            .top("mill")
            .source("designs/mill.v")
            .library_dir("designs");
        let model = model.parameter("STAGES", stages).clock("clk").trace(true);
        model.program("benches/mill.cpp")
    };
    let state = |name: &str| {
        Model::new(name)
            .top("state")
            .source("designs/state.v")
            .clock("clk")
    };
    compile_all([
        mill("mill", 12),
        mill("small_mill", 1),
        Model::new("wide")
            .argument("-Wno-SYMRSVDWORD")
            .source("designs/wide.v")
            .clock("clk")
            .trace(true),
        Model::new("stopper")
            .source("designs/stopper.sv")
            .clock("clk")
            .assertions(true)
            .trace(true)
            .argument("-Wno-UNOPTFLAT"),
        state("state").savable(true).trace(true).period(10),
        state("covered").coverage(true),
        Model::new("adder").source("designs/adder.v"),
        Model::new("other_adder")
            .top("adder")
            .source("designs/adder.v")
            .parameter("WIDTH", 33)
            .parameter("LABEL", "64'h6f74686572")
            .trace(true),
    ])
}
