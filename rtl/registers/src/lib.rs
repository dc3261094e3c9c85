//! The register map of the adapter and the generator of everything that follows from it.
