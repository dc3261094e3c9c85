//! The model of the driver, tried out.
