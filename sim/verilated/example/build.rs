//! Compiles the counter.

fn main() -> Result<(), verilated::build::Error> {
    verilated::build::Model::new("counter")
        .source("counter.v")
        .parameter("WIDTH", 12)
        .clock("clk")
        .assertions(true)
        .trace(true)
        .compile()
}
