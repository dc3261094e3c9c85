//! Reads the ports of a model out of the header that Verilator writes.

/// A port of the top module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// Name of the member of the C++ class.
    pub member: String,
    /// Name in Verilog.
    pub name: String,
    /// Whether the model drives it only.
    pub output: bool,
    /// Width in bits.
    pub width: u32,
    /// Kind of storage.
    pub storage: Storage,
}

/// How Verilator stores a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    /// A number of this many bits: 8, 16, 32 or 64.
    Number(u32),
    /// This many words of 32 bits, the lowest first.
    Words(u32),
}

/// Names of members that Verilator's class has itself: ports must not be called so.
pub const RESERVED: &[&str] = &[
    "contextp",
    "eval",
    "eval_end_step",
    "eval_step",
    "eventsPending",
    "final",
    "hierName",
    "modelName",
    "name",
    "nextTimeSlot",
    "rootp",
    "threads",
    "trace",
    "traceConfig",
    "vlSymsp",
    "prepareClone",
    "atClone",
];

/// Every port that Rust can reach. Ports that are unpacked arrays are left out.
pub fn parse(header: &str) -> Vec<Port> {
    header
        .lines()
        .filter_map(|line| parse_line(line.trim()))
        .collect()
}

fn parse_line(line: &str) -> Option<Port> {
    let (output, rest) = [("VL_INOUT", false), ("VL_IN", false), ("VL_OUT", true)]
        .into_iter()
        .find_map(|(macro_name, output)| Some((output, line.strip_prefix(macro_name)?)))?;
    let (kind, rest) = rest.split_once('(')?;
    let fields: Vec<&str> = rest.strip_suffix(");")?.split(',').map(str::trim).collect();
    let (member, high, low) = match fields[..] {
        [member, high, low] | [member, high, low, _] => (
            member.strip_prefix('&')?,
            high.parse::<u32>().ok()?,
            low.parse::<u32>().ok()?,
        ),
        _ => return None,
    };
    let storage = match kind {
        "8" => Storage::Number(8),
        "16" => Storage::Number(16),
        "" => Storage::Number(32),
        "64" => Storage::Number(64),
        "W" => Storage::Words(fields.get(3)?.parse().ok()?),
        _ => return None,
    };
    let width = high.abs_diff(low) + 1;
    Some(Port {
        member: member.to_owned(),
        name: decode(member),
        output,
        width,
        storage,
    })
}

/// Undoes Verilator's encoding of names that C++ would not take.
fn decode(member: &str) -> String {
    let member = member.strip_prefix("__SYM__").unwrap_or(member);
    let mut name = String::new();
    let mut rest = member;
    while let Some(at) = rest.find("__0") {
        let code = rest
            .get(at + 3..at + 5)
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        name.push_str(&rest[..at]);
        match code {
            Some(code) => {
                name.push(char::from(code));
                rest = &rest[at + 5..];
            }
            None => {
                name.push_str("__0");
                rest = &rest[at + 3..];
            }
        }
    }
    name + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_port_is_understood() {
        let header = "    VL_IN8(&clk,0,0);\n    VL_OUT16(&count,11,0);\n    VL_IN(&a,31,0);\n    VL_OUT64(&b,32,0);\n    \
                      VL_INW(&wide,99,0,4);\n    VL_IN8((&array)[4],7,0);\n    VL_INOUT8(&pad,0,0);\n";
        let ports = parse(header);
        let widths: Vec<_> = ports
            .iter()
            .map(|port| (port.name.as_str(), port.width, port.storage, port.output))
            .collect();
        assert_eq!(
            widths,
            [
                ("clk", 1, Storage::Number(8), false),
                ("count", 12, Storage::Number(16), true),
                ("a", 32, Storage::Number(32), false),
                ("b", 33, Storage::Number(64), true),
                ("wide", 100, Storage::Words(4), false),
                ("pad", 1, Storage::Number(8), false),
            ]
        );
    }

    #[test]
    fn encoded_names_are_decoded() {
        assert_eq!(decode("__SYM__new"), "new");
        assert_eq!(decode("a___05Fb"), "a__b");
        assert_eq!(decode("plain_name"), "plain_name");
    }
}
