//! The payload writer in clock cycles, beside other data movers measured in the same way: AXI4 write side, 64 bit,
//! transfers back to back, a memory that is always ready and answers at once.

#[path = "../tests/transfers/mod.rs"]
mod transfers;

use transfers::Outcome;
use transfers::payload_bench::rate;

/// Length and offset of each column.
const COLUMNS: [(usize, u64); 6] = [(8, 0), (64, 0), (256, 0), (1460, 0), (9000, 0), (64, 2)];

/// Payload bytes for each cycle by column, then cycles from the last beat to the status. Measured side by side in
/// November 2026 with Verilator 5.006; ZipCPU's takes no unaligned transfer.
const OTHERS: [(&str, [&str; 6], &str); 5] = [
    (
        "limit of the bus",
        ["8", "8", "8", "7.978", "8", "7.11"],
        "",
    ),
    (
        "verilog-axi axi_dma_wr",
        ["2.67", "6.40", "7.53", "7.89", "7.96", "5.82"],
        "4",
    ),
    (
        "Corundum dma_if_axi_wr",
        ["4.00", "7.11", "7.76", "7.94", "7.99", "7.11"],
        "24",
    ),
    (
        "ZipCPU axis2mm",
        ["0.80", "3.77", "6.24", "7.60", "7.94", "-"],
        "12",
    ),
    ("PULP iDMA", ["8", "8", "8", "7.978", "8", "7.11"], "2"),
];

fn row(name: &str, figures: &[String], status: &str) {
    print!("{name:<24}");
    for figure in figures {
        print!("{figure:>9}");
    }
    println!("{status:>12}");
}

fn main() -> Outcome {
    println!("Payload writer: payload bytes a clock cycle, and cycles from last beat to status\n");
    let heads = COLUMNS.map(|(length, offset)| match offset {
        0 => format!("{length} B"),
        _ => format!("{length} B+{offset}"),
    });
    row("", &heads, "status");
    for (name, figures, status) in OTHERS {
        row(name, &figures.map(str::to_owned), status);
    }
    for latency in [0, 250] {
        let mut figures = Vec::new();
        let mut status = 0;
        let mut beat = 0;
        for (length, offset) in COLUMNS {
            figures.push(format!(
                "{:.3}",
                rate(length, offset, 0, 400, latency)?.bytes_per_cycle
            ));
            let alone = rate(length, offset, 0, 1, latency)?;
            status = status.max(alone.last_beat_to_status);
            beat = beat.max(alone.transfer_to_beat);
        }
        let name = match latency {
            0 => "payload_writer".to_owned(),
            _ => format!("  at latency {latency}"),
        };
        row(&name, &figures, &status.to_string());
        if latency == 0 {
            assert_eq!(beat, 2, "transfer to first beat");
        }
    }
    println!(
        "\n64 B+2: at byte 2 of a word. First beat on the bus 2 cycles after the transfer is visible. \
         At a latency of 250 cycles\n8 B transfers are bound by the 64 writes that may be in flight."
    );
    Ok(())
}
