//! What a pickle holds: values in one arena that name each other by index.

use std::ops::Range;

/// Index of a node in its [`Pickle`].
pub(super) type Id = u32;

/// One value.
#[derive(Debug)]
pub(super) enum Node {
    None,
    Bool(bool),
    Int(i64),
    /// An integer beyond 64 bits, little-endian two's complement.
    Long(Range<usize>),
    Float(f64),
    /// Text; bytes in the heap that should be UTF-8.
    Text(Range<usize>),
    Bytes(Range<usize>),
    List(Vec<Id>),
    Tuple(Box<[Id]>),
    Dict(Vec<(Id, Id)>),
    /// A function or class by name: module and name.
    Global(Range<usize>, Range<usize>),
    Object(Box<Object>),
    /// A reference to something outside the pickle: a tensor storage.
    Persistent(Id),
}

/// The result of a call that was not made.
#[derive(Debug)]
pub(super) struct Object {
    /// What would have been called.
    pub(super) callee: Id,
    /// Its arguments, a tuple.
    pub(super) args: Id,
    /// The state set afterwards (`__setstate__`).
    pub(super) state: Option<Id>,
    /// Items set afterwards (`OrderedDict`).
    pub(super) items: Vec<(Id, Id)>,
}

/// One pickle, read to its end.
#[derive(Debug)]
pub(super) struct Pickle {
    pub(super) nodes: Vec<Node>,
    /// The bytes that nodes name by their range.
    pub(super) heap: Vec<u8>,
    pub(super) root: Id,
}

impl Pickle {
    /// The value the pickle stands for.
    pub(super) fn root(&self) -> Id {
        self.root
    }

    /// All nodes in the order in which they were made.
    pub(super) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    pub(super) fn node(&self, id: Id) -> &Node {
        // Every id was handed out for a node; None stands for the impossible.
        self.nodes.get(id as usize).unwrap_or(&Node::None)
    }

    pub(super) fn slice(&self, range: &Range<usize>) -> &[u8] {
        self.heap.get(range.clone()).unwrap_or_default()
    }

    /// The text of a node, if it is text.
    pub(super) fn text(&self, id: Id) -> Option<&str> {
        match self.node(id) {
            Node::Text(range) => std::str::from_utf8(self.slice(range)).ok(),
            _ => None,
        }
    }

    pub(super) fn int(&self, id: Id) -> Option<i64> {
        match self.node(id) {
            Node::Int(value) => Some(*value),
            _ => None,
        }
    }

    /// The members of a list or tuple.
    pub(super) fn sequence(&self, id: Id) -> Option<&[Id]> {
        match self.node(id) {
            Node::List(items) => Some(items),
            Node::Tuple(items) => Some(items),
            _ => None,
        }
    }

    /// The pairs of a dict or an `OrderedDict`.
    pub(super) fn pairs(&self, id: Id) -> Option<&[(Id, Id)]> {
        match self.node(id) {
            Node::Dict(pairs) => Some(pairs),
            Node::Object(object) => {
                let name = self.global(object.callee)?;
                ["collections.OrderedDict", "collections.defaultdict", "builtins.dict"]
                    .contains(&name.as_str())
                    .then_some(&*object.items)
            }
            _ => None,
        }
    }

    /// The value under a text key of a dict. Later entries win, as in Python.
    pub(super) fn get(&self, dict: Id, key: &str) -> Option<Id> {
        let found = self.pairs(dict)?.iter().rev().find(|(name, _)| self.text(*name) == Some(key));
        found.map(|(_, value)| *value)
    }

    /// `module.name` of a function or class.
    pub(super) fn global(&self, id: Id) -> Option<String> {
        match self.node(id) {
            Node::Global(module, name) => Some(format!(
                "{}.{}",
                String::from_utf8_lossy(self.slice(module)),
                String::from_utf8_lossy(self.slice(name))
            )),
            _ => None,
        }
    }

    /// An object together with the name of its callee and its arguments.
    pub(super) fn object(&self, id: Id) -> Option<(String, &[Id], &Object)> {
        let Node::Object(object) = self.node(id) else { return None };
        Some((self.global(object.callee)?, self.sequence(object.args)?, object))
    }

    /// What a value is, for people: "a dict", "the number 3", "an object made by os.system".
    pub(super) fn describe(&self, id: Id) -> String {
        match self.node(id) {
            Node::None => "None".into(),
            Node::Bool(_) => "a truth value".into(),
            Node::Int(value) => format!("the number {value}"),
            Node::Long(_) => "a huge number".into(),
            Node::Float(value) => format!("the number {value}"),
            Node::Text(_) => "a text".into(),
            Node::Bytes(_) => "raw bytes".into(),
            Node::List(items) => format!("a list of {}", items.len()),
            Node::Tuple(items) => format!("a tuple of {}", items.len()),
            Node::Dict(_) => "a dict".into(),
            Node::Global(..) => format!("the name {}", self.global(id).unwrap_or_default()),
            Node::Object(object) => match self.global(object.callee) {
                Some(name) => format!("an object made by {name}"),
                None => "an object of unknown make".into(),
            },
            Node::Persistent(_) => "a bare tensor storage".into(),
        }
    }
}
