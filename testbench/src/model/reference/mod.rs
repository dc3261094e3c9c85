//! An adapter and a driver that do what the behaviours allow, by the throw of dice: against them the models are tested.

mod adapter;
mod dice;
mod driver;
mod fault;
mod link;

pub use adapter::ReferenceAdapter;
pub use dice::Dice;
pub use driver::ReferenceDriver;
pub use fault::Fault;
