//! The adapter's registers, with a check that it is still there.

use crate::bus::Registers;
use crate::error::Error;
use crate::registers::offset;

/// What a bus reads where nobody answers.
const ALL_ONES: u32 = u32::MAX;

pub(crate) struct RegisterFile<R>(R);

impl<R: Registers> RegisterFile<R> {
    pub fn new(registers: R) -> Self {
        Self(registers)
    }

    /// Reads a register. All ones are believed only if the identity does not read as all ones too.
    pub async fn read(&self, offset: u32) -> Result<u32, Error> {
        let value = self.0.read(offset).await?;
        if value == ALL_ONES
            && (offset == offset::IDENTITY || self.0.read(offset::IDENTITY).await? == ALL_ONES)
        {
            return Err(Error::AdapterGone { offset });
        }
        Ok(value)
    }

    pub async fn write(&self, offset: u32, value: u32) -> Result<(), Error> {
        Ok(self.0.write(offset, value).await?)
    }

    /// Writes a register and reads it back. The read also waits until the write has taken effect.
    pub async fn write_and_check(&self, offset: u32, value: u32) -> Result<(), Error> {
        self.write(offset, value).await?;
        self.expect(offset, value).await
    }

    /// Checks that a register holds what was written to it.
    pub async fn expect(&self, offset: u32, written: u32) -> Result<(), Error> {
        match self.read(offset).await? {
            found if found == written => Ok(()),
            found => Err(Error::RegisterLost {
                offset,
                written,
                found,
            }),
        }
    }

    pub async fn interrupt(&self) {
        self.0.interrupt().await;
    }
}
