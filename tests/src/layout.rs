//! What kernels declare against what their host side says, by naga's reflection.

use naga::{AddressSpace, Module, StorageAccess, TypeInner};
use sphere_pow_gpu::kernels::{Access, Kernel};

/// Parses a kernel's text.
///
/// # Panics
/// With naga's message, when it is not WGSL.
#[must_use]
pub fn parse(kernel: &Kernel) -> Module {
    naga::front::wgsl::parse_str(kernel.source)
        .unwrap_or_else(|error| panic!("{}: {}", kernel.name, error.emit_to_string(kernel.source)))
}

/// Names of what differs, so that the planted faults below can be seen to be caught.
#[must_use]
pub fn differences(kernel: &Kernel, module: &Module) -> Vec<String> {
    let mut found = Vec::new();
    let mut expect = |holds: bool, what: String| {
        if !holds {
            found.push(what);
        }
    };
    let bound = module.global_variables.iter().filter_map(|(_, var)| Some((var, var.binding?)));
    let bound: Vec<_> = bound.collect();
    expect(bound.len() == 1 + kernel.buffers.len(), format!("{} bindings", bound.len()));
    for (var, place) in bound {
        let name = var.name.clone().unwrap_or_default();
        expect(place.group == 0, format!("{name} is in group {}", place.group));
        if place.binding == 0 {
            expect(var.space == AddressSpace::Uniform, format!("{name} is no uniform"));
            let TypeInner::Struct { members, span } = &module.types[var.ty].inner else {
                expect(false, format!("{name} is no struct"));
                continue;
            };
            expect(*span as usize == kernel.dims_bytes, format!("{name} has {span} bytes"));
            let members: Vec<_> =
                members.iter().map(|m| (m.name.clone().unwrap_or_default(), m.offset as usize)).collect();
            let ours: Vec<_> = kernel.dims_members.iter().map(|(n, at)| ((*n).to_owned(), *at)).collect();
            expect(members == ours, format!("{name} has {members:?}"));
        } else {
            let access = match var.space {
                AddressSpace::Storage { access } if access == StorageAccess::LOAD => Some(Access::Read),
                AddressSpace::Storage { access } if access == StorageAccess::LOAD | StorageAccess::STORE => {
                    Some(Access::Write)
                }
                _ => None,
            };
            let ours = kernel.buffers.get(place.binding as usize - 1).copied();
            expect(access.is_some() && access == ours, format!("{name} at {} is {access:?}", place.binding));
        }
    }
    let entry_points: Vec<&str> = module.entry_points.iter().map(|e| e.name.as_str()).collect();
    expect(entry_points == [kernel.entry_point], format!("entry points {entry_points:?}"));
    expect(kernel.entry_point == kernel.name, "the entry point has another name than the file".into());
    found
}
