//! Integers as far as they are known without the data: what indices and branches are made of.

use naga::{
    BinaryOperator, Expression, Handle, Literal, MathFunction, Module, ScalarKind, TypeInner, UnaryOperator,
};

/// Where a pointer begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Root {
    /// A variable of the module, by its index.
    Global(usize),
    /// A variable of a call, by its place in the invocation's memory.
    Local(usize),
}

/// A value; [`Value::Unknown`] where it hangs on the data, or is a float.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Anything.
    Unknown,
    /// A truth.
    Bool(bool),
    /// An unsigned integer.
    U32(u32),
    /// A signed integer.
    I32(i32),
    /// A vector, an array or a struct.
    Composite(Vec<Value>),
    /// A place, by the indices on the way to it, where known.
    Pointer(Root, Vec<Option<u32>>),
}

use Value::{Bool, Composite, I32, Pointer, U32, Unknown};

impl Value {
    /// A literal.
    #[must_use]
    pub fn literal(literal: Literal) -> Self {
        match literal {
            Literal::U32(x) => U32(x),
            Literal::I32(x) => I32(x),
            Literal::Bool(x) => Bool(x),
            Literal::AbstractInt(x) => i32::try_from(x).map_or(Unknown, I32),
            _ => Unknown,
        }
    }

    /// A constant expression of the module.
    #[must_use]
    pub fn constant(module: &Module, handle: Handle<Expression>) -> Self {
        match &module.global_expressions[handle] {
            Expression::Literal(literal) => Self::literal(*literal),
            Expression::Constant(constant) => Self::constant(module, module.constants[*constant].init),
            Expression::ZeroValue(ty) => Self::zero(module, *ty),
            Expression::Compose { components, .. } => {
                Composite(components.iter().map(|part| Self::constant(module, *part)).collect())
            }
            Expression::Splat { size, value } => {
                Composite(vec![Self::constant(module, *value); *size as usize])
            }
            _ => Unknown,
        }
    }

    /// The zero of a type.
    #[must_use]
    pub fn zero(module: &Module, ty: Handle<naga::Type>) -> Self {
        Self::of_words(module, ty, &mut std::iter::repeat(0))
    }

    /// A value of a type from the words of its scalars in order.
    pub fn of_words(module: &Module, ty: Handle<naga::Type>, words: &mut dyn Iterator<Item = u32>) -> Self {
        let mut scalar = |kind| {
            let word = words.next().unwrap_or(0);
            match kind {
                ScalarKind::Uint => U32(word),
                ScalarKind::Sint => I32(word.cast_signed()),
                ScalarKind::Bool => Bool(word != 0),
                _ => Unknown,
            }
        };
        match &module.types[ty].inner {
            TypeInner::Scalar(of) => scalar(of.kind),
            TypeInner::Vector { size, scalar: of } => {
                Composite((0..*size as usize).map(|_| scalar(of.kind)).collect())
            }
            TypeInner::Array { base, size: naga::ArraySize::Constant(n), .. } => {
                Composite((0..n.get()).map(|_| Self::of_words(module, *base, words)).collect())
            }
            TypeInner::Struct { members, .. } => {
                Composite(members.iter().map(|m| Self::of_words(module, m.ty, words)).collect())
            }
            _ => Unknown,
        }
    }

    /// What is known whichever of two values it is.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        match (self, other) {
            (a, b) if a == b => a,
            (Composite(a), Composite(b)) if a.len() == b.len() => {
                Composite(a.into_iter().zip(b).map(|(a, b)| a.join(b)).collect())
            }
            _ => Unknown,
        }
    }

    /// As an index.
    #[must_use]
    pub fn index(&self) -> Option<u32> {
        match self {
            U32(x) => Some(*x),
            I32(x) => u32::try_from(*x).ok(),
            _ => None,
        }
    }

    /// A part of it; a pointer goes on.
    #[must_use]
    pub fn part(&self, index: Option<u32>) -> Self {
        match (self, index) {
            (Composite(parts), Some(ix)) => parts.get(ix as usize).cloned().unwrap_or(Unknown),
            (Pointer(root, path), ix) => Pointer(*root, path.iter().copied().chain([ix]).collect()),
            _ => Unknown,
        }
    }

    /// Replaces the part at `path`; one at an unknown place may have changed any.
    pub fn set(&mut self, path: &[Option<u32>], value: Self) {
        match (path, &mut *self) {
            ([], _) => *self = value,
            ([Some(ix), rest @ ..], Composite(parts)) if (*ix as usize) < parts.len() => {
                parts[*ix as usize].set(rest, value);
            }
            _ => *self = Unknown,
        }
    }

    /// `self op other`, by components where one is a vector.
    #[must_use]
    pub fn binary(&self, op: BinaryOperator, other: &Self) -> Self {
        match (self, other) {
            (Composite(a), Composite(b)) => {
                Composite(a.iter().zip(b).map(|(a, b)| a.binary(op, b)).collect())
            }
            (Composite(a), b) => Composite(a.iter().map(|a| a.binary(op, b)).collect()),
            (a, Composite(b)) => Composite(b.iter().map(|b| a.binary(op, b)).collect()),
            (U32(a), U32(b)) => unsigned(*a, op, *b),
            (I32(a), I32(b)) => signed(*a, op, *b),
            (I32(a), U32(b)) if op == BinaryOperator::ShiftRight => I32(a >> (b & 31)),
            (I32(a), U32(b)) if op == BinaryOperator::ShiftLeft => I32(a << (b & 31)),
            (Bool(a), Bool(b)) => match op {
                BinaryOperator::LogicalAnd | BinaryOperator::And => Bool(*a && *b),
                BinaryOperator::LogicalOr | BinaryOperator::InclusiveOr => Bool(*a || *b),
                BinaryOperator::Equal => Bool(a == b),
                BinaryOperator::NotEqual => Bool(a != b),
                _ => Unknown,
            },
            _ => Unknown,
        }
    }

    /// `op self`.
    #[must_use]
    pub fn unary(&self, op: UnaryOperator) -> Self {
        match (self, op) {
            (Composite(parts), _) => Composite(parts.iter().map(|part| part.unary(op)).collect()),
            (Bool(x), UnaryOperator::LogicalNot) => Bool(!x),
            (I32(x), UnaryOperator::Negate) => I32(x.wrapping_neg()),
            (U32(x), UnaryOperator::BitwiseNot) => U32(!x),
            (I32(x), UnaryOperator::BitwiseNot) => I32(!x),
            _ => Unknown,
        }
    }

    /// Another kind of scalar, converted or its bits.
    #[must_use]
    pub fn cast(&self, kind: ScalarKind) -> Self {
        match (self, kind) {
            (Composite(parts), _) => Composite(parts.iter().map(|part| part.cast(kind)).collect()),
            (U32(_), ScalarKind::Uint) | (I32(_), ScalarKind::Sint) => self.clone(),
            (U32(x), ScalarKind::Sint) => I32(x.cast_signed()),
            (I32(x), ScalarKind::Uint) => U32(x.cast_unsigned()),
            (Bool(x), ScalarKind::Uint) => U32((*x).into()),
            (Bool(x), ScalarKind::Sint) => I32((*x).into()),
            _ => Unknown,
        }
    }

    /// A function of WGSL, of those that indices are made with.
    #[must_use]
    pub fn math(fun: MathFunction, arguments: &[Self]) -> Self {
        match (fun, arguments) {
            (MathFunction::Min, [U32(a), U32(b)]) => U32(*a.min(b)),
            (MathFunction::Max, [U32(a), U32(b)]) => U32(*a.max(b)),
            (MathFunction::Min, [I32(a), I32(b)]) => I32(*a.min(b)),
            (MathFunction::Max, [I32(a), I32(b)]) => I32(*a.max(b)),
            (MathFunction::Clamp, [U32(x), U32(low), U32(high)]) => U32(*x.max(low).min(high)),
            _ => Unknown,
        }
    }
}

fn unsigned(a: u32, op: BinaryOperator, b: u32) -> Value {
    match op {
        BinaryOperator::Add => U32(a.wrapping_add(b)),
        BinaryOperator::Subtract => U32(a.wrapping_sub(b)),
        BinaryOperator::Multiply => U32(a.wrapping_mul(b)),
        BinaryOperator::Divide => a.checked_div(b).map_or(Unknown, U32),
        BinaryOperator::Modulo => a.checked_rem(b).map_or(Unknown, U32),
        BinaryOperator::And => U32(a & b),
        BinaryOperator::InclusiveOr => U32(a | b),
        BinaryOperator::ExclusiveOr => U32(a ^ b),
        BinaryOperator::ShiftLeft => U32(a << (b & 31)),
        BinaryOperator::ShiftRight => U32(a >> (b & 31)),
        _ => compared(&a, op, &b),
    }
}

fn signed(a: i32, op: BinaryOperator, b: i32) -> Value {
    match op {
        BinaryOperator::Add => I32(a.wrapping_add(b)),
        BinaryOperator::Subtract => I32(a.wrapping_sub(b)),
        BinaryOperator::Multiply => I32(a.wrapping_mul(b)),
        BinaryOperator::Divide => a.checked_div(b).map_or(Unknown, I32),
        BinaryOperator::Modulo => a.checked_rem(b).map_or(Unknown, I32),
        _ => compared(&a, op, &b),
    }
}

fn compared<T: Ord>(a: &T, op: BinaryOperator, b: &T) -> Value {
    match op {
        BinaryOperator::Equal => Bool(a == b),
        BinaryOperator::NotEqual => Bool(a != b),
        BinaryOperator::Less => Bool(a < b),
        BinaryOperator::LessEqual => Bool(a <= b),
        BinaryOperator::Greater => Bool(a > b),
        BinaryOperator::GreaterEqual => Bool(a >= b),
        _ => Unknown,
    }
}
