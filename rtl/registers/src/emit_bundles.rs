//! The header bundles for test benches: `rtl/registers/src/bundles.rs`.

use crate::camel;
use crate::emit_rust::{line, unsigned};
use crate::map::{Bundle, BundleField, Map};
use std::fmt::Write as _;

/// The whole file.
pub(crate) fn bundles(map: &Map) -> String {
    let mut text = String::from(
        "// SPDX-License-Identifier: MIT OR Apache-2.0\n\
         // Generated from rtl/registers/map.toml by `make registers`: do not edit.\n\n\
         //! The bundles between the adapter's modules, as test benches put them on wide ports.\n\n",
    );
    for bundle in &map.bundles {
        one(&mut text, bundle);
    }
    text.push_str(BITS);
    text
}

fn ty(bundle: &Bundle, field: &BundleField) -> String {
    if field.values.is_empty() {
        unsigned(field.bits).to_string()
    } else {
        camel(&format!("{}_{}", bundle.name, field.name))
    }
}

fn one(text: &mut String, bundle: &Bundle) {
    let name = camel(&bundle.name);
    let words = bundle.width().div_ceil(32);
    for field in bundle
        .fields
        .iter()
        .filter(|field| !field.values.is_empty())
    {
        let ty = ty(bundle, field);
        line!(text, "/// Values of [`{name}::{}`].", field.name);
        line!(
            text,
            "#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]"
        );
        line!(text, "pub enum {ty} {{");
        for (index, value) in field.values.iter().enumerate() {
            line!(text, "    /// {}", value.doc);
            if index == 0 {
                line!(text, "    #[default]");
            }
            line!(text, "    {} = {},", camel(&value.name), value.value);
        }
        line!(text, "}}\n");
        line!(text, "impl {ty} {{");
        line!(
            text,
            "    /// The value that the bits stand for, if they stand for one."
        );
        line!(
            text,
            "    pub const fn from_bits(bits: u64) -> Option<Self> {{"
        );
        line!(text, "        Some(match bits {{");
        for value in &field.values {
            line!(
                text,
                "            {} => {ty}::{},",
                value.value,
                camel(&value.name)
            );
        }
        line!(text, "            _ => return None,");
        line!(text, "        }})\n    }}\n}}\n");
    }
    line!(text, "/// {}", bundle.doc);
    line!(
        text,
        "#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]"
    );
    line!(text, "pub struct {name} {{");
    for field in &bundle.fields {
        line!(text, "    /// {}", field.doc);
        line!(text, "    pub {}: {},", field.name, ty(bundle, field));
    }
    line!(text, "}}\n");
    line!(text, "impl {name} {{");
    line!(text, "    /// Bits of the bundle.");
    line!(text, "    pub const BITS: usize = {};\n", bundle.width());
    line!(
        text,
        "    /// The bundle on its port; bits beyond [`Self::BITS`] are 0."
    );
    line!(text, "    pub fn pack(&self) -> [u32; {words}] {{");
    line!(text, "        let mut words = [0; {words}];");
    for (low, field) in bundle.placed() {
        let cast = if field.values.is_empty() && field.bits <= 32 {
            ".into()"
        } else if field.values.is_empty() {
            ""
        } else {
            " as u64"
        };
        line!(
            text,
            "        put(&mut words, {low}, {}, self.{}{cast});",
            field.bits,
            field.name
        );
    }
    line!(text, "        words\n    }}\n");
    line!(
        text,
        "    /// The bundle that stands on a port; `None` when a field holds a value that has no name."
    );
    line!(
        text,
        "    pub fn unpack(words: &[u32; {words}]) -> Option<Self> {{"
    );
    line!(text, "        Some({name} {{");
    for (low, field) in bundle.placed() {
        let value = format!("get(words, {low}, {})", field.bits);
        let value = match (field.values.is_empty(), unsigned(field.bits)) {
            (false, _) => format!("{}::from_bits({value})?", ty(bundle, field)),
            (true, "bool") => format!("{value} != 0"),
            (true, "u64") => value,
            (true, narrow) => format!("{value} as {narrow}"),
        };
        line!(text, "            {}: {value},", field.name);
    }
    line!(text, "        }})\n    }}\n}}\n");
}

const BITS: &str = "\
/// Puts the low bits of a value at a place in the words.
fn put(words: &mut [u32], low: usize, bits: usize, value: u64) {
    for bit in 0..bits {
        let at = low + bit;
        words[at / 32] |= ((value >> bit & 1) as u32) << (at % 32);
    }
}

/// The value of up to 64 bits at a place in the words.
fn get(words: &[u32], low: usize, bits: usize) -> u64 {
    (0..bits).fold(0, |value, bit| {
        let at = low + bit;
        value | u64::from(words[at / 32] >> (at % 32) & 1) << bit
    })
}
";
