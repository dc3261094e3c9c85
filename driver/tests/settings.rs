//! Settings and their sources.

#![allow(missing_docs, clippy::unwrap_used)]

use std::path::Path;
use std::time::Duration;

use toe_driver::{
    AcknowledgePolicy, AdapterDefaults, Fraction, IndicateWindowSize, Parameters, Policy,
    SettingsError, Source, Sources,
};

fn window(bytes: u64) -> IndicateWindowSize {
    IndicateWindowSize::new(bytes).unwrap()
}

fn defaults() -> AdapterDefaults {
    AdapterDefaults {
        connections: 16,
        nvram_indicate_window_size: None,
        reset_indicate_window_size: window(65_536),
        anonymous_buffer_bytes: 2048,
        host_frame_buffer_bytes: 16_384,
    }
}

fn with_window(bytes: u64) -> Parameters {
    Parameters {
        indicate_window_size: Some(window(bytes)),
        ..Parameters::default()
    }
}

// B1
#[test]
fn a_window_is_1_to_2_to_the_32_minus_1_bytes() {
    assert_eq!(window(1).get(), 1);
    assert_eq!(window(4_294_967_295).get(), u32::MAX);
    for refused in ["0", "4294967296", "-1", "many", ""] {
        let error = refused.parse::<IndicateWindowSize>().unwrap_err();
        let said = error.to_string();
        let expected =
            format!("indicate_window_size = {refused} is out of range: 1 to 4294967295 bytes");
        assert_eq!(said, expected);
    }
}

// B3
#[test]
fn the_first_source_found_wins() {
    let file = Path::new("toe.toml");
    let window_of = |sources: &Sources, defaults: &AdapterDefaults| {
        let settings = sources.resolve(defaults).unwrap();
        let window = settings.indicate_window_size;
        (window.value.get(), window.source)
    };
    let nvram = AdapterDefaults {
        nvram_indicate_window_size: Some(window(5)),
        ..defaults()
    };
    let none = Sources::new();
    let from_file = none.clone().parameters_of(file, with_window(4));
    let from_both = from_file.clone().user_interface(with_window(3));
    assert_eq!(window_of(&none, &defaults()), (65_536, Source::ResetValue));
    assert_eq!(window_of(&none, &nvram), (5, Source::Nvram));
    let file = Source::ParameterFile(file.to_owned());
    assert_eq!(window_of(&from_file, &nvram), (4, file));
    assert_eq!(window_of(&from_both, &nvram), (3, Source::UserInterface));
    let settings = from_both.resolve(&nvram).unwrap();
    let own = settings.window_of(Some(window(2)));
    assert_eq!((own.value.get(), own.source), (2, Source::Connection));
}

// B3
#[test]
fn every_setting_says_where_it_is_from() {
    let file = "anonymous_buffers = 100\nacknowledge = 0.25\nanswer_deadline_ms = 20\n";
    let file_name = Path::new("toe.toml");
    let parameters = Parameters::parse(file, file_name).unwrap();
    let sources = Sources::new()
        .user_interface(with_window(10))
        .parameters_of(file_name, parameters);
    let settings = sources.resolve(&defaults()).unwrap();
    let lines: Vec<String> = settings.explain().iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "indicate_window_size = 10 (user interface)",
            "anonymous_buffer_bytes = 2048 (reset value of the adapter)",
            "anonymous_buffers = 100 (parameter file toe.toml)",
            "host_frame_buffer_bytes = 16384 (reset value of the adapter)",
            "host_frame_buffers = 64 (default of the driver)",
            "event_ring_entries = 1024 (default of the driver)",
            "acknowledge = 0.25 (parameter file toe.toml)",
            "answer_deadline_ms = 20 (parameter file toe.toml)",
            "policy = indicate (default of the driver)",
            "segment_bytes = 1460 (default of the driver)",
            "push_timer_ms = 500 (default of the driver)",
            "named_buffer_bytes = 65536 (default of the driver)",
            "named_buffers_ahead = 4 (default of the driver)",
        ]
    );
    let keys = settings
        .explain()
        .iter()
        .map(|line| line.key)
        .collect::<Vec<_>>();
    assert_eq!(keys, Parameters::KEYS);
}

// B3
#[test]
fn a_parameter_file_sets_everything() {
    let file = "# a comment\n\
        indicate_window_size = 7\n\
        anonymous_buffer_bytes = 65535\n\
        anonymous_buffers = 65536\n\
        host_frame_buffer_bytes = 64\n\
        host_frame_buffers = 1\n\
        event_ring_entries = 2\n\
        acknowledge = \"every-acceptance\"\n\
        answer_deadline_ms = 1\n\
        policy = \"hold-off\"\n\
        segment_bytes = 536\n\
        push_timer_ms = 20\n\
        named_buffer_bytes = 4096\n\
        named_buffers_ahead = 2\n";
    let expected = Parameters {
        indicate_window_size: Some(window(7)),
        anonymous_buffer_bytes: Some(65_535),
        anonymous_buffers: Some(65_536),
        host_frame_buffer_bytes: Some(64),
        host_frame_buffers: Some(1),
        event_ring_entries: Some(2),
        acknowledge: Some(AcknowledgePolicy::EveryAcceptance),
        answer_deadline: Some(Duration::from_millis(1)),
        policy: Some(Policy::HoldOff),
        segment_bytes: Some(536),
        push_timer: Some(Duration::from_millis(20)),
        named_buffer_bytes: Some(4096),
        named_buffers_ahead: Some(2),
    };
    assert_eq!(Parameters::parse(file, Path::new("f")), Ok(expected));
    let whole = Parameters::parse("acknowledge = 1", Path::new("f")).unwrap();
    let whole_window = AcknowledgePolicy::AtFraction(Fraction::new(1.0).unwrap());
    assert_eq!(whole.acknowledge, Some(whole_window));
}

// B3
#[test]
fn a_fault_in_a_parameter_file_is_named_with_its_line() {
    let said = |text: &str| {
        Parameters::parse(text, Path::new("toe.toml"))
            .unwrap_err()
            .to_string()
    };
    let known = Parameters::KEYS.join(", ");
    assert_eq!(
        said("event_ring_entries = 8\n\nwindow = 5\n"),
        format!("toe.toml:3: unknown key `window`; known are {known}")
    );
    assert_eq!(
        said("[adapter]\nindicate_window_size = 5\n"),
        format!("toe.toml:1: unknown key `adapter`; known are {known}")
    );
    assert_eq!(
        said("\nindicate_window_size = 0"),
        "toe.toml:2: indicate_window_size = 0 is out of range: 1 to 4294967295 bytes"
    );
    assert_eq!(
        said("indicate_window_size = -5"),
        "toe.toml:1: indicate_window_size = -5 is out of range: 1 to 4294967295 bytes"
    );
    assert_eq!(
        said("event_ring_entries = 6"),
        "toe.toml:1: event_ring_entries = 6 is out of range: a power of two, 2 to 65536"
    );
    assert_eq!(
        said("acknowledge = 1.5"),
        "toe.toml:1: acknowledge = 1.5 is out of range: more than 0, at most 1"
    );
    assert!(said("acknowledge = \"never\"").starts_with("toe.toml:1: acknowledge = never is out"));
    assert!(said("\n\nanonymous_buffers = \"ten\"").starts_with("toe.toml:3: invalid type"));
    assert!(said("anonymous_buffers = 1\nanonymous_buffers = 2").starts_with("toe.toml:2: dup"));
    assert!(said("this is not TOML").starts_with("toe.toml:1: "));
}

// B3
#[test]
fn a_parameter_file_that_is_not_there_is_named() {
    let file = Path::new("no/such/file.toml");
    let error = Sources::new().parameter_file(file).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("no/such/file.toml: cannot be read: ")
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("toe.toml");
    std::fs::write(&file, "indicate_window_size = 12\n").unwrap();
    let sources = Sources::new().parameter_file(&file).unwrap();
    let settings = sources.resolve(&defaults()).unwrap();
    assert_eq!(settings.indicate_window_size.value, window(12));
}

// B3: what does not come from a file is checked as well.
#[test]
fn values_out_of_range_are_refused() {
    let refused = |parameters| {
        let sources = Sources::new().user_interface(parameters);
        sources.resolve(&defaults()).unwrap_err()
    };
    let odd = Parameters {
        event_ring_entries: Some(3),
        ..Parameters::default()
    };
    let error = refused(odd);
    assert!(matches!(
        error,
        SettingsError::Value {
            key: "event_ring_entries",
            ..
        }
    ));
    let empty = Parameters {
        anonymous_buffers: Some(0),
        ..Parameters::default()
    };
    let error = refused(empty);
    assert!(matches!(
        error,
        SettingsError::Value {
            key: "anonymous_buffers",
            ..
        }
    ));
}

// B4
#[test]
fn the_pool_follows_from_window_and_connections() {
    let pool = |bytes, connections| {
        let sources = Sources::new().user_interface(with_window(bytes));
        let defaults = AdapterDefaults {
            connections,
            ..defaults()
        };
        let pool = sources.resolve(&defaults).unwrap().anonymous_buffers;
        assert_eq!(pool.source, Source::Driver);
        pool.value
    };
    assert_eq!(pool(65_536, 16), 512);
    assert_eq!(pool(4097, 10), 30);
    assert_eq!(pool(1, 1), 16, "at least a handful");
    assert_eq!(pool(u64::from(u32::MAX), 4096), 16_384, "at most 32 MiB");
}

// B14
#[test]
fn a_fraction_of_a_window_is_1_to_all_of_its_bytes() {
    let part = |fraction, window| Fraction::new(fraction).unwrap().of(window);
    assert_eq!(part(0.5, 100), 50);
    assert_eq!(part(0.5, 101), 51);
    assert_eq!(part(1e-9, 100), 1);
    assert_eq!(part(1.0, u32::MAX), u32::MAX);
    for refused in [0.0, -0.1, 1.01, f64::NAN, f64::INFINITY] {
        assert!(Fraction::new(refused).is_err());
    }
}

// B50, B51: the policies are a window and an acknowledgement, and say so.
#[test]
fn a_policy_sets_window_and_acknowledgement() {
    let settings = |text: &str| {
        let file = Path::new("toe.toml");
        let parameters = Parameters::parse(text, file).unwrap();
        let sources = Sources::new().user_interface(with_window(10));
        sources
            .parameters_of(file, parameters)
            .resolve(&defaults())
            .unwrap()
    };
    let file = Source::ParameterFile("toe.toml".into());
    let hold_off = settings("policy = \"hold-off\"");
    assert_eq!(hold_off.indicate_window_size.value, window(1460));
    assert_eq!(hold_off.indicate_window_size.source, file);
    assert_eq!(
        hold_off.acknowledge.value,
        AcknowledgePolicy::EveryAcceptance
    );
    assert_eq!(hold_off.window_of(Some(window(5))).value, window(1460));
    let smaller = settings("policy = \"hold-off\"\nsegment_bytes = 536");
    assert_eq!(smaller.indicate_window_size.value, window(536));
    let copy = settings("policy = \"copy\"");
    assert_eq!(copy.indicate_window_size.value, window(u64::from(u32::MAX)));
    let indicate = settings("policy = \"indicate\"");
    assert_eq!(indicate.indicate_window_size.value, window(10));
    assert_eq!(indicate.window_of(Some(window(5))).value, window(5));
    assert!(Parameters::parse("policy = \"maybe\"", Path::new("f")).is_err());
}

// B25: by default, a stream's buffers are larger than the window, so that the adapter takes them.
#[test]
fn the_buffers_of_a_stream_follow_from_the_window() {
    let buffer = |bytes| {
        let sources = Sources::new().user_interface(with_window(bytes));
        sources
            .resolve(&defaults())
            .unwrap()
            .named_buffer_bytes
            .value
    };
    assert_eq!(buffer(1), 65_536);
    assert_eq!(buffer(65_535), 65_536);
    assert_eq!(buffer(65_536), 69_632);
    assert_eq!(buffer(1 << 21), 65_536, "within reason");
}
