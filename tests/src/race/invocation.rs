//! One invocation of a kernel, followed through its control flow with the data unknown.

use super::event::{Event, Place};
use super::value::{Root, Value};
use naga::{
    AddressSpace, Block, BuiltIn, Expression, Function, Handle, Module, Span, Statement, StorageAccess,
    SwitchValue,
};

/// How a block ends.
#[derive(Clone, Debug, PartialEq)]
enum Flow {
    Next,
    Break,
    Continue,
    Return(Value),
}

/// Rounds of a loop that hangs on the data until nothing new is learnt; more means the analysis cannot follow.
const MAX_ROUNDS: u32 = 1 << 20;

/// Runs an invocation.
pub struct Invocation<'a> {
    module: &'a Module,
    place: Place,
    /// Variables of the module that are this invocation's own, or known.
    globals: Vec<Value>,
    /// Which variables of the module other invocations see and may write.
    is_shared: Vec<bool>,
    locals: Vec<Value>,
    /// Whether control flow so far was the same whatever the data.
    is_certain: bool,
    events: Vec<Event>,
}

/// Values of a call's expressions, and where its variables are.
struct Frame<'a> {
    function: &'a Function,
    values: Vec<Option<Value>>,
    arguments: Vec<Value>,
    first_local: usize,
}

impl<'a> Invocation<'a> {
    /// Events of one invocation of the module's entry point; `dims` are the words of the uniform.
    ///
    /// # Panics
    /// When the kernel uses what the analysis does not know.
    #[must_use]
    pub fn run(module: &'a Module, dims: &[u32], place: Place) -> Vec<Event> {
        let globals = module.global_variables.iter().map(|(_, var)| match var.space {
            AddressSpace::Uniform => Value::of_words(module, var.ty, &mut dims.iter().copied()),
            AddressSpace::Private => Value::zero(module, var.ty),
            _ => Value::Unknown,
        });
        let globals = globals.collect();
        let is_shared = module.global_variables.iter().map(|(_, var)| match var.space {
            AddressSpace::WorkGroup => true,
            AddressSpace::Storage { access } => access.contains(StorageAccess::STORE),
            _ => false,
        });
        let is_shared = is_shared.collect();
        let (locals, events) = (Vec::new(), Vec::new());
        let mut run = Self { module, place, globals, is_shared, locals, is_certain: true, events };
        let function = &module.entry_points[0].function;
        let arguments = function.arguments.iter().map(|argument| run.built_in(argument)).collect();
        run.call(function, arguments);
        run.events
    }

    fn built_in(&self, argument: &naga::FunctionArgument) -> Value {
        let Some(naga::Binding::BuiltIn(built_in)) = argument.binding else { return Value::Unknown };
        let Place { group, lane, subgroup_threads } = self.place;
        match built_in {
            BuiltIn::WorkGroupId => Value::Composite(group.map(Value::U32).to_vec()),
            BuiltIn::LocalInvocationIndex => Value::U32(lane),
            BuiltIn::SubgroupId => Value::U32(lane / subgroup_threads),
            BuiltIn::SubgroupSize => Value::U32(subgroup_threads),
            BuiltIn::SubgroupInvocationId => Value::U32(lane % subgroup_threads),
            BuiltIn::NumSubgroups => {
                let [x, y, z] = self.module.entry_points[0].workgroup_size;
                Value::U32((x * y * z).div_ceil(subgroup_threads))
            }
            other => panic!("the analysis does not know {other:?}"),
        }
    }

    fn call(&mut self, function: &'a Function, arguments: Vec<Value>) -> Value {
        let first_local = self.locals.len();
        let values = vec![None; function.expressions.len()];
        let mut frame = Frame { function, values, arguments, first_local };
        for (_, variable) in function.local_variables.iter() {
            let value = match variable.init {
                Some(init) => self.value(&mut frame, init),
                None => Value::zero(self.module, variable.ty),
            };
            self.locals.push(value);
        }
        let flow = self.block(&mut frame, &function.body);
        self.locals.truncate(first_local);
        if let Flow::Return(value) = flow { value } else { Value::Unknown }
    }

    fn block(&mut self, frame: &mut Frame<'a>, block: &'a Block) -> Flow {
        for (statement, span) in block.span_iter() {
            let flow = self.statement(frame, statement, *span);
            if flow != Flow::Next {
                return flow;
            }
        }
        Flow::Next
    }

    fn statement(&mut self, frame: &mut Frame<'a>, statement: &'a Statement, span: Span) -> Flow {
        match statement {
            Statement::Emit(range) => {
                for handle in range.clone() {
                    let value = self.evaluate(frame, handle, span);
                    frame.values[handle.index()] = Some(value);
                }
            }
            Statement::Block(block) => return self.block(frame, block),
            Statement::If { condition, accept, reject } => {
                return match self.value(frame, *condition) {
                    Value::Bool(true) => self.block(frame, accept),
                    Value::Bool(false) => self.block(frame, reject),
                    _ => self.either(frame, accept, reject),
                };
            }
            Statement::Switch { selector, cases } => {
                let selector = self.value(frame, *selector);
                let fits = |case: &&naga::SwitchCase| match (&case.value, &selector) {
                    (SwitchValue::U32(want), Value::U32(got)) => want == got,
                    (SwitchValue::I32(want), Value::I32(got)) => want == got,
                    _ => false,
                };
                assert!(selector.index().is_some(), "a switch that hangs on the data");
                let default = || cases.iter().find(|case| case.value == SwitchValue::Default);
                if let Some(case) = cases.iter().find(fits).or_else(default) {
                    assert!(!case.fall_through, "a case that falls through");
                    let flow = self.block(frame, &case.body);
                    return if flow == Flow::Break { Flow::Next } else { flow };
                }
            }
            Statement::Loop { body, continuing, break_if } => {
                return self.repeat(frame, body, continuing, *break_if);
            }
            Statement::Break => return Flow::Break,
            Statement::Continue => return Flow::Continue,
            Statement::Return { value } => {
                return Flow::Return(value.map_or(Value::Unknown, |value| self.value(frame, value)));
            }
            Statement::ControlBarrier(flags) => {
                let (is_certain, at) = (self.is_certain, span);
                let orders_storage = flags.contains(naga::Barrier::STORAGE);
                self.events.push(Event::Barrier { is_certain, orders_storage, at });
            }
            Statement::Store { pointer, value } => {
                let value = self.value(frame, *value);
                let pointer = self.value(frame, *pointer);
                self.store(&pointer, value, span);
            }
            Statement::Call { function, arguments, result } => {
                let arguments = arguments.iter().map(|argument| self.value(frame, *argument)).collect();
                let value = self.call(&self.module.functions[*function], arguments);
                if let Some(result) = result {
                    frame.values[result.index()] = Some(value);
                }
            }
            Statement::CooperativeStore { data, .. } => {
                let (pointer, stride) = (self.value(frame, data.pointer), self.value(frame, data.stride));
                // The block's size is that of the stored value; all here are square and of one size.
                let size = self.cooperative_size();
                self.cooperative(&pointer, &stride, size, true, span);
            }
            other => panic!("the analysis does not know {other:?}"),
        }
        Flow::Next
    }

    /// Both ways of a branch that hangs on the data: all accesses of either, and what both agree on.
    fn either(&mut self, frame: &mut Frame<'a>, accept: &'a Block, reject: &'a Block) -> Flow {
        let was_certain = std::mem::replace(&mut self.is_certain, false);
        let before = (self.globals.clone(), self.locals.clone());
        let first = self.block(frame, accept);
        let after =
            (std::mem::replace(&mut self.globals, before.0), std::mem::replace(&mut self.locals, before.1));
        let second = self.block(frame, reject);
        self.join(after);
        if first == second {
            self.is_certain = was_certain;
            return first;
        }
        // Whether this goes on hangs on the data: nothing after it is certain, and all after it may happen.
        Flow::Next
    }

    fn join(&mut self, (globals, locals): (Vec<Value>, Vec<Value>)) {
        let join = |own: &mut Vec<Value>, other: Vec<Value>| {
            let old = std::mem::take(own).into_iter();
            *own = old.zip(other).map(|(a, b)| a.join(b)).collect();
        };
        join(&mut self.globals, globals);
        join(&mut self.locals, locals);
    }

    fn repeat(
        &mut self,
        frame: &mut Frame<'a>,
        body: &'a Block,
        continuing: &'a Block,
        break_if: Option<Handle<Expression>>,
    ) -> Flow {
        let was_certain = self.is_certain;
        let entry = (self.globals.clone(), self.locals.clone());
        let mut last = None;
        for _ in 0..MAX_ROUNDS {
            match self.block(frame, body) {
                Flow::Break => return Flow::Next,
                Flow::Return(value) => return Flow::Return(value),
                Flow::Next | Flow::Continue => {}
            }
            self.block(frame, continuing);
            let stop = break_if.map_or(Value::Bool(false), |condition| self.value(frame, condition));
            if stop == Value::Bool(true) {
                return Flow::Next;
            }
            if (was_certain && !self.is_certain) || stop == Value::Unknown {
                // It may have ended: go on from what holds for any number of rounds.
                self.is_certain = false;
                self.join(entry.clone());
                let state = Some((self.globals.clone(), self.locals.clone()));
                if last == state {
                    return Flow::Next;
                }
                last = state;
            }
        }
        panic!("a loop that does not end")
    }

    fn value(&mut self, frame: &mut Frame<'a>, handle: Handle<Expression>) -> Value {
        match &frame.values[handle.index()] {
            Some(value) => value.clone(),
            None => self.evaluate(frame, handle, Span::UNDEFINED),
        }
    }

    fn constant(&self, handle: Handle<Expression>) -> Value {
        match &self.module.global_expressions[handle] {
            Expression::Literal(literal) => Value::literal(*literal),
            Expression::Constant(constant) => self.constant(self.module.constants[*constant].init),
            Expression::ZeroValue(ty) => Value::zero(self.module, *ty),
            Expression::Compose { components, .. } => {
                Value::Composite(components.iter().map(|part| self.constant(*part)).collect())
            }
            Expression::Splat { size, value } => {
                Value::Composite(vec![self.constant(*value); *size as usize])
            }
            _ => Value::Unknown,
        }
    }

    fn evaluate(&mut self, frame: &mut Frame<'a>, handle: Handle<Expression>, span: Span) -> Value {
        match &frame.function.expressions[handle] {
            Expression::Literal(literal) => Value::literal(*literal),
            Expression::Constant(constant) => self.constant(self.module.constants[*constant].init),
            Expression::ZeroValue(ty) => Value::zero(self.module, *ty),
            Expression::Compose { ty, components } => {
                let parts: Vec<Value> = components.iter().map(|part| self.value(frame, *part)).collect();
                // A vector of vectors is one flat vector.
                if let naga::TypeInner::Vector { .. } = self.module.types[*ty].inner {
                    let flat = parts.into_iter().flat_map(|part| match part {
                        Value::Composite(parts) => parts,
                        part => vec![part],
                    });
                    return Value::Composite(flat.collect());
                }
                Value::Composite(parts)
            }
            Expression::Access { base, index } => {
                let index = self.value(frame, *index).index();
                self.value(frame, *base).part(index)
            }
            Expression::AccessIndex { base, index } => self.value(frame, *base).part(Some(*index)),
            Expression::Splat { size, value } => {
                Value::Composite(vec![self.value(frame, *value); *size as usize])
            }
            Expression::Swizzle { size, vector, pattern } => {
                let vector = self.value(frame, *vector);
                let part = |c: &naga::SwizzleComponent| vector.part(Some(*c as u32));
                Value::Composite(pattern[..*size as usize].iter().map(part).collect())
            }
            Expression::FunctionArgument(ix) => frame.arguments[*ix as usize].clone(),
            Expression::GlobalVariable(variable) => {
                Value::Pointer(Root::Global(variable.index()), Vec::new())
            }
            Expression::LocalVariable(variable) => {
                Value::Pointer(Root::Local(frame.first_local + variable.index()), Vec::new())
            }
            Expression::Load { pointer } => {
                let pointer = self.value(frame, *pointer);
                self.load(&pointer, span)
            }
            Expression::Unary { op, expr } => self.value(frame, *expr).unary(*op),
            Expression::Binary { op, left, right } => {
                let left = self.value(frame, *left);
                left.binary(*op, &self.value(frame, *right))
            }
            Expression::Select { condition, accept, reject } => {
                let (accept, reject) = (self.value(frame, *accept), self.value(frame, *reject));
                match self.value(frame, *condition) {
                    Value::Bool(true) => accept,
                    Value::Bool(false) => reject,
                    _ => accept.join(reject),
                }
            }
            Expression::As { expr, kind, .. } => self.value(frame, *expr).cast(*kind),
            Expression::Math { fun, arg, arg1, arg2, arg3 } => {
                let arguments = [Some(*arg), *arg1, *arg2, *arg3].into_iter().flatten();
                let arguments: Vec<Value> = arguments.map(|argument| self.value(frame, argument)).collect();
                Value::math(*fun, &arguments)
            }
            Expression::CooperativeLoad { columns, data, .. } => {
                let (pointer, stride) = (self.value(frame, data.pointer), self.value(frame, data.stride));
                self.cooperative(&pointer, &stride, *columns as u32, false, span);
                Value::Unknown
            }
            // Floats and matrices, whose values are never known.
            Expression::Relational { .. } | Expression::CooperativeMultiplyAdd { .. } => Value::Unknown,
            other => panic!("the analysis does not know {other:?}"),
        }
    }

    fn load(&mut self, pointer: &Value, span: Span) -> Value {
        let Value::Pointer(root, path) = pointer else { panic!("a load from {pointer:?}") };
        let known = match root {
            Root::Local(slot) => &self.locals[*slot],
            Root::Global(ix) => {
                self.access(*ix, path, false, span);
                &self.globals[*ix]
            }
        };
        path.iter().fold(known.clone(), |value, ix| value.part(*ix))
    }

    fn store(&mut self, pointer: &Value, value: Value, span: Span) {
        let Value::Pointer(root, path) = pointer else { panic!("a store to {pointer:?}") };
        match root {
            Root::Local(slot) => self.locals[*slot].set(path, value),
            Root::Global(ix) => {
                self.access(*ix, path, true, span);
                self.globals[*ix].set(path, value);
            }
        }
    }

    /// Notes an access that other invocations can see.
    fn access(&mut self, global: usize, path: &[Option<u32>], is_write: bool, span: Span) {
        if self.is_shared[global] {
            let index = path.first().copied().flatten();
            self.events.push(Event::Access { global, index, is_write, is_subgroup: false, at: span });
        }
    }

    fn cooperative_size(&self) -> u32 {
        let sizes = self.module.types.iter().filter_map(|(_, ty)| match ty.inner {
            naga::TypeInner::CooperativeMatrix { columns, .. } => Some(columns as u32),
            _ => None,
        });
        sizes.max().expect("a kernel that stores a matrix has its type")
    }

    /// A block of `size` rows, `stride` apart, which the whole subgroup reads or writes: noted for its first thread.
    fn cooperative(&mut self, pointer: &Value, stride: &Value, size: u32, is_write: bool, span: Span) {
        if !self.place.lane.is_multiple_of(self.place.subgroup_threads) {
            return;
        }
        let Value::Pointer(Root::Global(global), path) = pointer else { panic!("a matrix in {pointer:?}") };
        let (first, rest) = path.split_first().expect("a matrix lies in an array");
        assert!(rest.is_empty(), "a matrix lies in an array of scalars");
        for (row, column) in (0..size).flat_map(|row| (0..size).map(move |column| (row, column))) {
            let index = first.zip(stride.index()).map(|(first, stride)| first + row * stride + column);
            self.events.push(Event::Access { global: *global, index, is_write, is_subgroup: true, at: span });
        }
    }
}
