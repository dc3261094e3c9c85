//! An adapter and a driver that do what the behaviours allow, by the throw of dice: against them the models are tested.

mod acts;
mod adapter;
mod context;
mod dice;
mod driver;
mod effects;
mod events;
mod fault;
mod link;
mod serve;
mod steps;

pub use adapter::ReferenceAdapter;
pub use dice::Dice;
pub use driver::ReferenceDriver;
pub use fault::Fault;
