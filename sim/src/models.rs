//! The Verilated models, one type for each entry of the tables in this crate's `build.rs`.
//!
//! A clock cycle of theirs is 6.4 ns, in units of 100 ps.

verilated::include_models!();

crate::adapter::adapter_model!(Toe);
crate::adapter::adapter_model!(
    ToeSmall,
    fn show_host(&mut self, cycle: &crate::host_view::HostCycle) {
        self.set_host_copying(u8::from(cycle.copy.is_some()));
        self.set_host_dma_beat(u8::from(cycle.beat.is_some()));
        if let Some(place) = cycle.copy {
            self.set_host_copy_place(place as u32);
        }
        if let Some(place) = cycle.beat {
            self.set_host_dma_place(place as u32);
        }
    }
);
