//! Writes the two files of glue for a model: C++ around Verilator's class, Rust around that.

use super::Model;
use super::ports::{Port, Storage};
use std::fmt::Write;

/// Methods that every generated type has, so that no port may take their names.
const METHODS: &[&str] = &[
    "new",
    "context",
    "eval",
    "settle",
    "rise",
    "cycle",
    "cycles",
    "open_trace",
    "is_tracing",
    "close_trace",
    "save",
    "restore",
    "run_final",
];

const KEYWORDS: &[&str] = &[
    "as", "async", "await", "break", "const", "continue", "dyn", "else", "enum", "extern", "false",
    "fn", "for", "gen", "if", "impl", "in", "let", "loop", "match", "mod", "move", "mut", "pub",
    "ref", "return", "static", "struct", "trait", "true", "type", "unsafe", "use", "where",
    "while", "abstract", "become", "box", "do", "final", "macro", "override", "priv", "typeof",
    "unsized", "virtual", "yield", "try",
];

/// The single translation unit of everything that runs in every clock cycle.
pub fn fast(model: &Model, ports: &[Port], files: &[String]) -> String {
    let prefix = model.prefix();
    let mut text = String::from(
        "// Generated: the model's fast half and the calls that Rust makes.\n#include \"model.h\"\n",
    );
    for file in files {
        let _ = writeln!(text, "#include \"{file}.cpp\"");
    }
    text += "#include \"verilated_vcd_c.h\"\n#include <stdexcept>\n";
    if model.savable {
        text += "#include \"state.h\"\n";
    }
    let _ = write!(
        text,
        "
namespace {{
using verilated_rs::Context;
using verilated_rs::Model;

struct M final : Model {{
  {prefix} top;
  explicit M(Context& context) : Model(context), top{{&context, \"TOP\"}} {{}}
  ~M() override {{ trace.reset(); }}
  void open_trace(const std::string& path, bool fst) override;
  std::string save() override;
  void restore(const char* bytes, size_t size) override;
  void final() override {{ top.final(); }}
}};

inline M* cast(void* model) {{ return static_cast<M*>(static_cast<Model*>(model)); }}
}}  // namespace
"
    );
    text += &trace_functions(model, &prefix);
    text += if model.savable {
        "
std::string M::save() { return verilated_rs::save_state(*context, top); }
void M::restore(const char* bytes, size_t size) {
  verilated_rs::restore_state(*context, top, bytes, size);
}
"
    } else {
        "
std::string M::save() { throw std::runtime_error{\"the model was built without `savable`\"}; }
void M::restore(const char*, size_t) {
  throw std::runtime_error{\"the model was built without `savable`\"};
}
"
    };
    let _ = write!(
        text,
        "
extern \"C\" {{
void* {prefix}__new(void* context_pointer) noexcept {{
  Context* const context = static_cast<Context*>(context_pointer);
  context->enter();
  (void)*const_cast<const volatile char*>(&VERILATED_RS_RUNTIME);
  // The same seed gives the same model, whatever was made before; and a model may be made at any time.
  context->randSeed(context->seed);
  const uint64_t now = context->time();
  context->time(0);
  Model* model = nullptr;
  try {{
    model = new M{{*context}};
  }} catch (const verilated_rs::Unwind&) {{
  }} catch (const std::exception& error) {{
    context->record(true, \"\", 0, error.what());
  }}
  context->time(now);
  return model;
}}
void {prefix}__ports(void* model, void** ports) noexcept {{
  M* const self = cast(model);
  (void)self;
  (void)ports;
"
    );
    for (index, port) in ports.iter().enumerate() {
        let member = &port.member;
        let _ = match port.storage {
            Storage::Number(_) => writeln!(text, "  ports[{index}] = &self->top.{member};"),
            Storage::Words(_) => writeln!(text, "  ports[{index}] = &self->top.{member}[0];"),
        };
    }
    let _ = write!(
        text,
        "}}
bool {prefix}__eval(void* model) noexcept {{
  M* const self = cast(model);
  const bool good = self->run([self] {{ self->top.eval(); }});
  if (VL_UNLIKELY(self->trace)) self->trace->dump_once(self->context->time());
  return good;
}}
"
    );
    if let Some(clock) = model
        .clock
        .as_ref()
        .and_then(|clock| ports.iter().find(|port| &port.name == clock))
    {
        text += &clock_functions(&prefix, &clock.member, model.period);
    }
    text += "}  // extern \"C\"\n";
    text
}

fn clock_functions(prefix: &str, clock: &str, period: u64) -> String {
    let half = period / 2;
    let rest = period - half;
    // A waveform shows the settled inputs and outputs in the first half of a cycle and the new state in the second. On a
    // failure in the first half time stands still, so that the error's time and the waveform agree.
    format!(
        "
static inline void settle(M* self) {{
  self->top.{clock} = 0;
  self->top.eval();
}}
static inline void rise(M* self) {{
  const uint64_t now = self->context->time();
  if (VL_UNLIKELY(self->trace)) self->trace->dump_once(now);
  self->context->time(now + {half});
  self->top.{clock} = 1;
  self->top.eval();
  if (VL_UNLIKELY(self->trace)) self->trace->dump_once(now + {half});
  self->context->time(now + {half} + {rest});
}}
bool {prefix}__settle(void* model) noexcept {{
  M* const self = cast(model);
  return self->run([self] {{ settle(self); }});
}}
bool {prefix}__rise(void* model) noexcept {{
  M* const self = cast(model);
  return self->run([self] {{ rise(self); }});
}}
bool {prefix}__cycles(void* model, uint64_t number) noexcept {{
  M* const self = cast(model);
  return self->run([self, number] {{
    for (uint64_t i = 0; i < number; ++i) {{
      settle(self);
      if (VL_UNLIKELY(self->context->stopped)) return;
      rise(self);
      if (VL_UNLIKELY(self->context->stopped)) return;
    }}
  }});
}}
bool {prefix}__cycle(void* model) noexcept {{
  M* const self = cast(model);
  return self->run([self] {{
    settle(self);
    if (VL_LIKELY(!self->context->stopped)) rise(self);
  }});
}}
"
    )
}

fn trace_functions(model: &Model, prefix: &str) -> String {
    if !model.trace {
        return "\nvoid M::open_trace(const std::string&, bool) {\n  \
                throw std::runtime_error{\"the model was built without `trace`\"};\n}\n"
            .to_owned();
    }
    let fst = if fst_wanted(model) {
        format!(
            "  if (fst) {{
    trace.reset({prefix}__open_fst(top, path));
    return;
  }}
"
        )
    } else {
        "  if (fst) throw std::runtime_error{\"FST was left out of this build\"};\n".to_owned()
    };
    let declaration = if fst_wanted(model) {
        format!(
            "\nverilated_rs::Trace* {prefix}__open_fst({prefix}& top, const std::string& path);\n"
        )
    } else {
        String::new()
    };
    let body = trace_class(prefix, "VerilatedVcdC", "vcd_trace_model");
    format!(
        "{declaration}
namespace {{
{body}}}  // namespace

void M::open_trace(const std::string& path, bool fst) {{
{fst}  trace.reset(new TraceFile{{top, path}});
}}
"
    )
}

/// A trace file of either format.
fn trace_class(prefix: &str, file: &str, connect: &str) -> String {
    format!(
        "class TraceFile final : public verilated_rs::Trace {{
public:
  TraceFile({prefix}& top, const std::string& path) {{
    top.{connect}(&file_, 99, 0);
    file_.open(path.c_str());
    if (!file_.isOpen()) throw std::runtime_error{{path + \": cannot be written\"}};
  }}
  ~TraceFile() override {{ file_.close(); }}
  void dump(uint64_t time) override {{ file_.dump(time); }}
  void flush() override {{ file_.flush(); }}

private:
  {file} file_;
}};
"
    )
}

/// Whether the second, FST, pass is made: when the runtime can write FST.
pub fn fst_wanted(model: &Model) -> bool {
    model.trace && std::env::var("DEP_VERILATED_FST").map_or(true, |answer| answer == "1")
}

/// The translation unit of a trace format: its generated files and, for FST, the way to open one.
pub fn fst(model: &Model, files: &[String], connect: &str) -> String {
    let prefix = model.prefix();
    let mut text =
        String::from("// Generated: the FST trace of the model.\n#include \"model.h\"\n");
    let _ = writeln!(
        text,
        "#include \"{prefix}.h\"\n#include \"{prefix}__Syms.h\"\n#include \"verilated_fst_c.h\"\n#include <stdexcept>"
    );
    for file in files {
        let _ = writeln!(text, "#include \"{file}.cpp\"");
    }
    let class = trace_class(&prefix, "VerilatedFstC", "fst_trace_model");
    let _ = write!(
        text,
        "{connect}
namespace {{
{class}}}  // namespace

verilated_rs::Trace* {prefix}__open_fst({prefix}& top, const std::string& path) {{ return new TraceFile{{top, path}}; }}
"
    );
    text
}

/// `payload_writer` becomes `PayloadWriter`.
pub fn camel(name: &str) -> String {
    let mut result = String::new();
    for word in name
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
    {
        let mut letters = word.chars();
        result.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        result.push_str(letters.as_str());
    }
    result
}

/// A port's name as far as Rust can have it.
fn plain(name: &str) -> String {
    name.chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '_' {
                c
            } else {
                '_'
            }
        })
        .collect()
}

/// Name of the method that reads a port.
fn getter(name: &str) -> String {
    let name = plain(name);
    if METHODS.contains(&name.as_str())
        || ["self", "Self", "super", "crate", "_"].contains(&name.as_str())
    {
        return name + "_";
    }
    if KEYWORDS.contains(&name.as_str()) {
        format!("r#{name}")
    } else {
        name
    }
}

/// Name of the method that sets a port.
fn setter(name: &str) -> String {
    format!("set_{}", plain(name))
}

/// The Rust half of a model.
pub fn rust(model: &Model, ports: &[Port]) -> String {
    let prefix = model.prefix();
    let name = camel(&model.name);
    let module = format!(
        "__verilated_{}",
        model
            .name
            .replace(|c: char| !c.is_ascii_alphanumeric(), "_")
    );
    let clocked = model.clock.is_some();
    let mut text = format!(
        "// Generated by the `verilated` crate.
#[doc(hidden)]
#[allow(unsafe_code, missing_docs, non_snake_case, dead_code, clippy::all, clippy::pedantic)]
mod {module} {{
use ::std::ffi::c_void;
use ::verilated::{{Context, Error, model::Handle}};

#[repr(C)]
struct Ports {{
"
    );
    for (index, port) in ports.iter().enumerate() {
        let _ = writeln!(text, "    p{index}: *mut {},", rust_type(port));
    }
    let clock_calls = if clocked {
        vec!["settle", "rise", "cycle"]
    } else {
        Vec::new()
    };
    let _ = write!(
        text,
        "}}

unsafe extern \"C\" {{
    fn {prefix}__new(context: *const c_void) -> *mut c_void;
    fn {prefix}__ports(model: *mut c_void, ports: *mut Ports);
    fn {prefix}__eval(model: *mut c_void) -> bool;
"
    );
    for call in &clock_calls {
        let _ = writeln!(text, "    fn {prefix}__{call}(model: *mut c_void) -> bool;");
    }
    if clocked {
        let _ = writeln!(
            text,
            "    fn {prefix}__cycles(model: *mut c_void, number: u64) -> bool;"
        );
    }
    let top = model.top_module();
    let _ = write!(
        text,
        "}}

/// The Verilated module `{top}`.
pub struct {name} {{
    ports: Ports,
    handle: Handle,
}}

impl {name} {{
    /// Makes a model. Its `initial` blocks run with the first evaluation.
    pub fn new(context: &Context) -> Result<Self, Error> {{
        // SAFETY: the constructor returns null or a new model that nothing else owns.
        let handle = unsafe {{ Handle::new(context, {prefix}__new)? }};
        let mut ports = ::std::mem::MaybeUninit::uninit();
        // SAFETY: the call fills every field with a pointer into the model, which lives as long as the handle.
        let ports = unsafe {{ {prefix}__ports(handle.raw(), ports.as_mut_ptr()); ports.assume_init() }};
        Ok(Self {{ ports, handle }})
    }}
"
    );
    for call in std::iter::once("eval").chain(clock_calls.iter().copied()) {
        let _ = write!(
            text,
            "
    /// {}
    #[inline]
    pub fn {call}(&mut self) -> Result<(), Error> {{
        // SAFETY: the handle owns the model, and `&mut self` makes this the only use of it.
        let good = unsafe {{ {prefix}__{call}(self.handle.raw()) }};
        self.handle.check(good)
    }}
",
            call_doc(call)
        );
    }
    if clocked {
        let _ = write!(
            text,
            "
    /// So many clock cycles in one call, with the inputs as they are. Ends early when the RTL stops.
    pub fn cycles(&mut self, number: u64) -> Result<(), Error> {{
        // SAFETY: as above.
        let good = unsafe {{ {prefix}__cycles(self.handle.raw(), number) }};
        self.handle.check(good)
    }}
"
        );
    }
    text += "
    /// The model's context.
    pub fn context(&self) -> &Context { self.handle.context() }
    /// Starts a waveform file, FST or VCD by the ending of its name.
    pub fn open_trace(&mut self, path: impl AsRef<::std::path::Path>) -> Result<(), Error> { self.handle.open_trace(path.as_ref()) }
    /// Whether a waveform file is being written.
    pub fn is_tracing(&self) -> bool { self.handle.is_tracing() }
    /// Ends the waveform file.
    pub fn close_trace(&mut self) { self.handle.close_trace() }
    /// Writes the model's whole state, and the time, to a file.
    pub fn save(&mut self, path: impl AsRef<::std::path::Path>) -> Result<(), Error> { self.handle.save(path.as_ref()) }
    /// Reads back a state that `save` wrote.
    pub fn restore(&mut self, path: impl AsRef<::std::path::Path>) -> Result<(), Error> { self.handle.restore(path.as_ref()) }
    /// Runs the `final` blocks.
    pub fn run_final(&mut self) -> Result<(), Error> { self.handle.run_final() }
";
    for (index, port) in ports.iter().enumerate() {
        text += &accessors(index, port);
    }
    let _ = write!(
        text,
        "}}

impl ::verilated::Model for {name} {{
    const NAME: &'static str = \"{}\";
    fn new(context: &Context) -> Result<Self, Error> {{ Self::new(context) }}
    #[inline]
    fn eval(&mut self) -> Result<(), Error> {{ Self::eval(self) }}
    fn handle(&self) -> &Handle {{ &self.handle }}
    fn handle_mut(&mut self) -> &mut Handle {{ &mut self.handle }}
}}
",
        model.name
    );
    if clocked {
        let period = model.period;
        let _ = write!(
            text,
            "
impl ::verilated::Clocked for {name} {{
    const PERIOD: u64 = {period};
    #[inline]
    fn settle(&mut self) -> Result<(), Error> {{ Self::settle(self) }}
    #[inline]
    fn rise(&mut self) -> Result<(), Error> {{ Self::rise(self) }}
    #[inline]
    fn cycle(&mut self) -> Result<(), Error> {{ Self::cycle(self) }}
    fn cycles(&mut self, number: u64) -> Result<(), Error> {{ Self::cycles(self, number) }}
}}
"
        );
    }
    let _ = write!(
        text,
        "}}\n#[doc(inline)]\npub use self::{module}::{name};\n"
    );
    text
}

fn call_doc(call: &str) -> &'static str {
    match call {
        "settle" => "Clock low: lets combinational outputs follow the inputs.",
        "rise" => "The rising clock edge; then time has advanced by a period.",
        "cycle" => "A whole clock cycle: `settle` and `rise` in one call.",
        _ => "Lets the model react to its inputs, at the present time.",
    }
}

fn rust_type(port: &Port) -> String {
    match port.storage {
        Storage::Number(bits) => format!("u{bits}"),
        Storage::Words(words) => format!("[u32; {words}]"),
    }
}

fn accessors(index: usize, port: &Port) -> String {
    let name = getter(&port.name);
    let setter = setter(&port.name);
    let kind = rust_type(port);
    let what = if port.output { "Output" } else { "Input" };
    let doc = format!(
        "{what} `{}`, {} bit{}.",
        port.name,
        port.width,
        if port.width == 1 { "" } else { "s" }
    );
    let reference = if matches!(port.storage, Storage::Words(_)) {
        "&"
    } else {
        ""
    };
    let mut text = format!(
        "
    /// {doc}
    #[inline(always)]
    pub fn {name}(&self) -> {reference}{kind} {{
        // SAFETY: points into the model, which only `&mut self` methods change.
        unsafe {{ {reference}*self.ports.p{index} }}
    }}
"
    );
    if port.output {
        return text;
    }
    let body = match port.storage {
        Storage::Number(bits) if bits == port.width => "value".to_owned(),
        Storage::Number(_) => format!("value & {:#x}", (1u64 << port.width) - 1),
        Storage::Words(_) => "*value".to_owned(),
    };
    let clean = match port.storage {
        Storage::Words(words) if !port.width.is_multiple_of(32) => {
            format!(
                " (*self.ports.p{index})[{}] &= {:#x};",
                words - 1,
                (1u32 << (port.width % 32)) - 1
            )
        }
        _ => String::new(),
    };
    let _ = write!(
        text,
        "
    /// Sets: {doc} Bits beyond its width are ignored.
    #[inline(always)]
    pub fn {setter}(&mut self, value: {reference}{kind}) {{
        // SAFETY: points into the model, of which `&mut self` is the only user.
        unsafe {{ *self.ports.p{index} = {body};{clean} }}
    }}
"
    );
    text
}
