//! What one invocation of a kernel does that others may see.

use naga::Span;

/// Where a workgroup lies and which invocation of it this is.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// `workgroup_id`.
    pub group: [u32; 3],
    /// `local_invocation_index`.
    pub lane: u32,
    /// `subgroup_size`.
    pub subgroup_threads: u32,
}

/// Something that an invocation does and others may see, and where in the text.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the variants say what their fields are")]
pub enum Event {
    /// It, or its subgroup, reads or writes the element `index` (or a part of it) of a variable of the module.
    Access { global: usize, index: Option<u32>, is_write: bool, is_subgroup: bool, at: Span },
    /// It waits for the others. `is_certain` is false where that hangs on the data.
    Barrier { is_certain: bool, orders_storage: bool, at: Span },
}
