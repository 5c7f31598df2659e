//! A whole row as the cache keeps it: its JSON with the place of each value, its version, whether it is live.
//!
//! It holds fields that a caller may not see; only [`crate::operations`] reads it.

use bytes::Bytes;

/// `[is there][is live][version, 8][columns, 2]`, then start and end of each value, 4 bytes each, then the JSON.
#[derive(Clone)]
pub(crate) struct WholeRow(Bytes);

const HEAD: usize = 12;

impl WholeRow {
    pub(crate) const fn new(body: Bytes) -> Self {
        Self(body)
    }

    /// The row that is not there.
    pub(crate) fn absent() -> Vec<u8> {
        vec![0]
    }

    /// A row.
    pub(crate) fn present(live: bool, version: i64, values: &[(u32, u32)], json: &[u8]) -> Vec<u8> {
        let mut body = Vec::with_capacity(HEAD + 8 * values.len() + json.len());
        body.extend_from_slice(&[1, u8::from(live)]);
        body.extend_from_slice(&version.to_le_bytes());
        // A table has far fewer columns.
        body.extend_from_slice(
            &u16::try_from(values.len())
                .unwrap_or(u16::MAX)
                .to_le_bytes(),
        );
        for (start, end) in values {
            body.extend_from_slice(&start.to_le_bytes());
            body.extend_from_slice(&end.to_le_bytes());
        }
        body.extend_from_slice(json);
        body
    }

    pub(crate) const fn bytes(&self) -> &Bytes {
        &self.0
    }

    pub(crate) fn is_there(&self) -> bool {
        self.0.first() == Some(&1)
    }

    pub(crate) fn is_live(&self) -> bool {
        self.0.get(1) == Some(&1)
    }

    pub(crate) fn version(&self) -> i64 {
        let version = self.0.get(2..10).and_then(|bytes| bytes.try_into().ok());
        version.map_or(0, i64::from_le_bytes)
    }

    /// The JSON of the value of a column.
    pub(crate) fn value(&self, column: usize) -> Option<&[u8]> {
        let place = self.0.get(HEAD + 8 * column..HEAD + 8 * column + 8)?;
        let (start, end) = place.split_first_chunk::<4>()?;
        let start = u32::from_le_bytes(*start) as usize;
        let end = u32::from_le_bytes(end.try_into().ok()?) as usize;
        self.0.get(self.json_at()..)?.get(start..end)
    }

    /// The whole JSON.
    pub(crate) fn json(&self) -> Bytes {
        self.0.slice(self.json_at().min(self.0.len())..)
    }

    fn json_at(&self) -> usize {
        let columns = self.0.get(10..12).and_then(|bytes| bytes.try_into().ok());
        HEAD + 8 * usize::from(columns.map_or(0, u16::from_le_bytes))
    }
}
