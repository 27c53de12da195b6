//! Data races of a kernel, found on naga's IR.
//!
//! Every invocation of some workgroups is followed through the kernel with the buffers' contents unknown: indices and
//! branches of our kernels are made of builtins, constants and `dims`, so each access to memory that others see is
//! known exactly. Where a branch hangs on the data, both ways are taken.
//!
//! For the workgroup size, the `dims` and the workgroups given, it decides:
//! - whether a store goes to a component of a vector that invocations share (for any sizes, in fact);
//! - whether two invocations touch one place, one of them writing, with no barrier between;
//! - whether all invocations of a workgroup meet the same barriers, whatever the data.
//!
//! It does not decide: other sizes than those given; races through atomics or textures, which no kernel has (it panics);
//! whether an index that hangs on the data is free of races (it reports it as one that may race).

pub mod event;
pub mod invocation;
pub mod value;

use event::{Event, Place};
use invocation::Invocation;
use naga::proc::TypeResolution;
use naga::valid::ModuleInfo;
use naga::{AddressSpace, Module, Span, Statement, TypeInner};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What a kernel is run with.
#[derive(Clone, Debug)]
pub struct Sizes {
    /// Words of `dims`.
    pub dims: Vec<u32>,
    /// Workgroups looked at, along x and y from 0.
    pub groups: [u32; 2],
    /// Threads of a subgroup.
    pub subgroup_threads: u32,
}

/// Who touched a place: a thread, or a subgroup by an instruction of its own.
type Agent = ([u32; 2], u32, bool);

/// The first two agents that touched a place in one way: enough to find one that is not a given other.
#[derive(Default)]
struct Two([Option<(Agent, Span)>; 2]);

impl Two {
    fn note(&mut self, agent: Agent, at: Span) {
        match &mut self.0 {
            [Some((first, _)), second @ None] if *first != agent => *second = Some((agent, at)),
            [first @ None, _] => *first = Some((agent, at)),
            _ => {}
        }
    }

    fn first(&self) -> Option<(Agent, Span)> {
        self.0[0]
    }

    /// Where an agent other than this one touched it.
    fn other(&self, than: Agent) -> Option<Span> {
        self.0.iter().flatten().find(|(agent, _)| *agent != than).map(|(_, at)| *at)
    }
}

/// Touches of one place in one variable.
#[derive(Default)]
struct Touches {
    writes: Two,
    reads: Two,
}

/// Touches by first index.
type Elements = HashMap<Option<u32>, Touches>;

/// Everything found in a kernel whose overrides are resolved, one line each, without repetition.
///
/// # Panics
/// When the kernel uses what the analysis does not know.
#[must_use]
pub fn find(module: &Module, info: &ModuleInfo, source: &str, sizes: &Sizes) -> Vec<String> {
    let mut found = component_stores(module, info, source);
    let line = |at: Span| at.location(source).line_number;
    let [x, y, z] = module.entry_points[0].workgroup_size;
    // By variable, phase and workgroup (workgroup memory), by variable alone (storage), then by first index.
    let mut places: BTreeMap<(usize, u32, [u32; 2]), Elements> = BTreeMap::new();
    for group in (0..sizes.groups[1]).flat_map(|y| (0..sizes.groups[0]).map(move |x| [x, y])) {
        let mut barriers: Option<Vec<Span>> = None;
        for lane in 0..x * y * z {
            let subgroup_threads = sizes.subgroup_threads;
            let place = Place { group: [group[0], group[1], 0], lane, subgroup_threads };
            let events = Invocation::run(module, &sizes.dims, place);
            let mut own = Vec::new();
            for event in events {
                match event {
                    Event::Barrier { is_certain, orders_storage, at } => {
                        own.push(at);
                        if !is_certain {
                            let line = line(at);
                            found
                                .insert(format!("line {line}: whether the barrier is met hangs on the data"));
                        }
                        assert!(!orders_storage, "a storage barrier, which is not followed");
                    }
                    Event::Access { global, index, is_write, is_subgroup, at } => {
                        let phase = u32::try_from(own.len()).expect("few barriers");
                        let is_shared = space_of(module, global) == AddressSpace::WorkGroup;
                        let key = if is_shared { (global, phase, group) } else { (global, 0, [0, 0]) };
                        let agent =
                            (group, if is_subgroup { lane / subgroup_threads } else { lane }, is_subgroup);
                        let touches = places.entry(key).or_default().entry(index).or_default();
                        let of = if is_write { &mut touches.writes } else { &mut touches.reads };
                        of.note(agent, at);
                    }
                }
            }
            if barriers.get_or_insert_with(|| own.clone()) != &own {
                found.insert(format!("thread {lane} of {group:?} meets other barriers than thread 0"));
            }
        }
    }
    for ((global, ..), elements) in &places {
        let name = name_of(module, *global);
        let unknown = elements.get(&None);
        for (element, touches) in elements {
            found.extend(conflict(&name, line, *element, touches, touches));
            if let (Some(unknown), Some(_)) = (unknown, element) {
                found.extend(conflict(&name, line, None, unknown, touches));
                found.extend(conflict(&name, line, None, touches, unknown));
            }
        }
    }
    found.into_iter().collect()
}

/// Another agent's touch of what one writes.
fn conflict(
    name: &str,
    line: impl Fn(Span) -> u32,
    element: Option<u32>,
    of: &Touches,
    with: &Touches,
) -> Option<String> {
    let (writer, at) = of.writes.first()?;
    let by = line(at);
    let element = element.map_or("an index that hangs on the data".to_owned(), |at| at.to_string());
    if let Some(other) = with.writes.other(writer) {
        let other = line(other);
        return Some(format!("{name}[{element}]: lines {by} and {other} write with no barrier between"));
    }
    let other = line(with.reads.other(writer)?);
    Some(format!("{name}[{element}]: line {by} writes, line {other} reads, no barrier between"))
}

fn variable(module: &Module, global: usize) -> &naga::GlobalVariable {
    module.global_variables.iter().nth(global).expect("a variable of the module").1
}

fn space_of(module: &Module, global: usize) -> AddressSpace {
    variable(module, global).space
}

fn name_of(module: &Module, global: usize) -> String {
    variable(module, global).name.clone().unwrap_or_default()
}

/// Stores to one component of a vector that other invocations see: they may write the whole vector.
fn component_stores(module: &Module, info: &ModuleInfo, source: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let entry = &module.entry_points[0].function;
    let functions = module.functions.iter().map(|(handle, function)| (function, &info[handle]));
    for (function, info) in functions.chain([(entry, info.get_entry_point(0))]) {
        let mut blocks = vec![&function.body];
        while let Some(block) = blocks.pop() {
            for (statement, span) in block.span_iter() {
                match statement {
                    Statement::Store { pointer, .. } => {
                        let ty = match &info[*pointer].ty {
                            TypeResolution::Handle(ty) => &module.types[*ty].inner,
                            TypeResolution::Value(inner) => inner,
                        };
                        if let TypeInner::ValuePointer { size: None, space, .. } = ty
                            && matches!(space, AddressSpace::WorkGroup | AddressSpace::Storage { .. })
                        {
                            let line = span.location(source).line_number;
                            found.insert(format!("line {line}: a store to a component of a shared vector"));
                        }
                    }
                    Statement::Block(block) => blocks.push(block),
                    Statement::If { accept, reject, .. } => blocks.extend([accept, reject]),
                    Statement::Loop { body, continuing, .. } => blocks.extend([body, continuing]),
                    Statement::Switch { cases, .. } => blocks.extend(cases.iter().map(|case| &case.body)),
                    _ => {}
                }
            }
        }
    }
    found
}
