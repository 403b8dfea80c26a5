//! A reader for Python pickles that builds a tree of plain data and executes nothing.
//!
//! Names of functions and classes are kept as names; a "call" in the pickle becomes an
//! [`Object`] with the name and the arguments, and it is for the caller to understand the few
//! that it knows. Nodes live in one arena and are shared by index, so neither deep nesting nor
//! a memo that refers to itself costs stack or copies. Every declared length is compared with
//! the bytes that are left before anything is allocated; memory stays within a fixed multiple
//! of the pickle's length.

use std::collections::HashMap;
use std::io::Read;
use std::ops::Range;

use super::nodes::{Id, Node, Object, Pickle};

/// Largest number of nodes: a list of two million tensors has about 28 million.
const MAX_NODES: usize = 64 << 20;

impl Pickle {
    /// Reads one pickle. The error is a predicate with the byte: "breaks off at byte 17".
    pub(super) fn read<R: Read>(source: &mut Source<R>) -> Result<Self, String> {
        let mut machine = Machine {
            source,
            nodes: vec![Node::None, Node::Bool(false), Node::Bool(true)],
            heap: Vec::new(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
        };
        let root = machine
            .run()
            .map_err(|problem| format!("{problem} at byte {}", machine.source.position.saturating_sub(1)))?;
        Ok(Self { nodes: machine.nodes, heap: machine.heap, root })
    }
}

/// Bytes that come one after another, with the number that is left.
pub(super) struct Source<R> {
    inner: R,
    left: u64,
    position: u64,
}

impl<R: Read> Source<R> {
    /// `len` bytes can be read from `inner`.
    pub(super) fn new(inner: R, len: u64) -> Self {
        Self { inner, left: len, position: 0 }
    }

    /// Bytes read so far.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let mut out = [0; N];
        self.advance(N as u64)?;
        self.inner.read_exact(&mut out).map_err(|error| format!("cannot be read ({error})"))?;
        Ok(out)
    }

    fn advance(&mut self, count: u64) -> Result<(), String> {
        self.left = self.left.checked_sub(count).ok_or("breaks off")?;
        self.position += count;
        Ok(())
    }

    /// Appends `count` bytes to `heap`, after comparing `count` with what is left.
    fn append(&mut self, count: u64, heap: &mut Vec<u8>) -> Result<Range<usize>, String> {
        let from = heap.len();
        self.advance(count)?;
        // `take` grows the heap with the bytes that really come.
        let read = self.inner.by_ref().take(count).read_to_end(heap);
        let read = read.map_err(|error| format!("cannot be read ({error})"))?;
        if read as u64 == count { Ok(from..heap.len()) } else { Err("breaks off".into()) }
    }

    /// Appends a line to `heap`, without its end.
    fn line(&mut self, heap: &mut Vec<u8>) -> Result<Range<usize>, String> {
        let from = heap.len();
        loop {
            let [byte] = self.take::<1>()?;
            if byte == b'\n' {
                return Ok(from..heap.len());
            }
            heap.push(byte);
        }
    }
}

const NONE: Id = 0;
const FALSE: Id = 1;
const TRUE: Id = 2;

struct Machine<'a, R> {
    source: &'a mut Source<R>,
    nodes: Vec<Node>,
    heap: Vec<u8>,
    stack: Vec<Id>,
    /// Heights of the stack at the open marks.
    marks: Vec<usize>,
    memo: HashMap<u64, Id>,
}

impl<R: Read> Machine<'_, R> {
    fn run(&mut self) -> Result<Id, String> {
        loop {
            let [code] = self.source.take::<1>()?;
            if code == b'.' {
                return self.pop();
            }
            self.step(code)?;
        }
    }

    /// Carries out one instruction; the letters are those of Python's `pickletools`.
    fn step(&mut self, code: u8) -> Result<(), String> {
        match code {
            // Frame of the pickle
            0x80 => {
                let [version] = self.source.take()?;
                if version > 5 {
                    return Err(format!("has the unknown pickle protocol {version}"));
                }
            }
            0x95 => drop(self.source.take::<8>()?),
            // Stack
            b'(' => self.marks.push(self.stack.len()),
            b'0' => match self.marks.last() {
                Some(&mark) if mark == self.stack.len() => drop(self.marks.pop()),
                _ => drop(self.pop()?),
            },
            b'1' => drop(self.pop_mark()?),
            b'2' => {
                let top = self.top()?;
                self.stack.push(top);
            }
            b'N' | b'J' | b'K' | b'M' | b'G' | b'I' | b'L' | b'F' | 0x88..=0x8b => self.value(code)?,
            // Text and bytes
            b'X' => self.payload(4, Node::Text)?,
            0x8c => self.payload(1, Node::Text)?,
            0x8d => self.payload(8, Node::Text)?,
            // A Python 2 `str`: text for names, bytes for data; the user of the node decides.
            b'T' => self.payload(4, Node::Bytes)?,
            b'U' => self.payload(1, Node::Bytes)?,
            b'B' => self.payload(4, Node::Bytes)?,
            b'C' => self.payload(1, Node::Bytes)?,
            0x8e | 0x96 => self.payload(8, Node::Bytes)?,
            b']'
            | b'l'
            | b')'
            | b't'
            | b'}'
            | b'd'
            | b'a'
            | b'e'
            | b's'
            | b'u'
            | 0x85..=0x87
            | 0x8f..=0x91 => {
                self.container(code)?;
            }
            // Memo
            b'q' | b'r' | b'p' | b'h' | b'j' | b'g' | 0x94 => self.memory(code)?,
            b'c' | b'R' | b'b' | b'Q' | 0x81 | 0x92 | 0x93 => self.name_or_call(code)?,
            other => return Err(unknown(other)),
        }
        Ok(())
    }

    /// A number, truth value or None.
    fn value(&mut self, code: u8) -> Result<(), String> {
        match code {
            b'N' => self.stack.push(NONE),
            0x88 => self.stack.push(TRUE),
            0x89 => self.stack.push(FALSE),
            b'J' => {
                let value = i32::from_le_bytes(self.source.take()?);
                self.push(Node::Int(i64::from(value)))?;
            }
            b'K' => {
                let [value] = self.source.take()?;
                self.push(Node::Int(i64::from(value)))?;
            }
            b'M' => {
                let value = u16::from_le_bytes(self.source.take()?);
                self.push(Node::Int(i64::from(value)))?;
            }
            0x8a => {
                let len = self.length(1)?;
                self.long(len)?;
            }
            0x8b => {
                let len = self.length(4)?;
                self.long(len)?;
            }
            b'G' => {
                let value = f64::from_be_bytes(self.source.take()?);
                self.push(Node::Float(value))?;
            }
            b'I' | b'L' | b'F' => self.written_number(code)?,
            other => return Err(unknown(other)),
        }
        Ok(())
    }

    /// A list, tuple or dict, or what goes into one.
    fn container(&mut self, code: u8) -> Result<(), String> {
        match code {
            b']' | 0x8f => self.push(Node::List(Vec::new()))?,
            b'l' | 0x91 => {
                let items = self.pop_mark()?;
                self.push(Node::List(items))?;
            }
            b')' => self.push(Node::Tuple(Box::new([])))?,
            b't' => {
                let items = self.pop_mark()?;
                self.push(Node::Tuple(items.into()))?;
            }
            0x85..=0x87 => {
                let from = self.stack.len().checked_sub(usize::from(code - 0x84));
                let from = from.filter(|&from| from >= self.floor()).ok_or("takes from an empty stack")?;
                let items = self.stack.split_off(from);
                self.push(Node::Tuple(items.into()))?;
            }
            b'}' => self.push(Node::Dict(Vec::new()))?,
            b'd' => {
                let pairs = in_pairs(&self.pop_mark()?)?;
                self.push(Node::Dict(pairs))?;
            }
            b'a' => {
                let item = self.pop()?;
                self.extend_list(&[item])?;
            }
            b'e' | 0x90 => {
                let items = self.pop_mark()?;
                self.extend_list(&items)?;
            }
            b's' => {
                let value = self.pop()?;
                let key = self.pop()?;
                self.extend_dict(&[(key, value)])?;
            }
            b'u' => {
                let pairs = in_pairs(&self.pop_mark()?)?;
                self.extend_dict(&pairs)?;
            }
            other => return Err(unknown(other)),
        }
        Ok(())
    }

    /// Names and calls, none of which is carried out.
    fn name_or_call(&mut self, code: u8) -> Result<(), String> {
        match code {
            b'c' => {
                let module = self.source.line(&mut self.heap)?;
                let name = self.source.line(&mut self.heap)?;
                self.push(Node::Global(module, name))?;
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let node = match (self.nodes.get(module as usize), self.nodes.get(name as usize)) {
                    (Some(Node::Text(module)), Some(Node::Text(name))) => {
                        Node::Global(module.clone(), name.clone())
                    }
                    _ => return Err("names a function by something that is no text".into()),
                };
                self.push(node)?;
            }
            b'R' | 0x81 => {
                let (args, callee) = (self.pop()?, self.pop()?);
                self.object(callee, args)?;
            }
            0x92 => {
                let (_, args, callee) = (self.pop()?, self.pop()?, self.pop()?);
                self.object(callee, args)?;
            }
            b'b' => {
                let state = self.pop()?;
                let target = self.top()?;
                if let Some(Node::Object(object)) = self.nodes.get_mut(target as usize) {
                    object.state = Some(state);
                }
            }
            b'Q' => {
                let reference = self.pop()?;
                self.push(Node::Persistent(reference))?;
            }
            other => return Err(unknown(other)),
        }
        Ok(())
    }

    fn push(&mut self, node: Node) -> Result<(), String> {
        if self.nodes.len() >= MAX_NODES {
            return Err(format!("holds more than {MAX_NODES} values"));
        }
        // Fits: MAX_NODES is below 2³².
        let id = self.nodes.len() as Id;
        self.nodes.push(node);
        self.stack.push(id);
        Ok(())
    }

    /// Where the innermost open mark forbids to take more.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn pop(&mut self) -> Result<Id, String> {
        if self.stack.len() <= self.floor() {
            return Err("takes from an empty stack".into());
        }
        self.stack.pop().ok_or_else(|| "takes from an empty stack".into())
    }

    fn top(&self) -> Result<Id, String> {
        self.stack.last().copied().ok_or_else(|| "takes from an empty stack".into())
    }

    fn pop_mark(&mut self) -> Result<Vec<Id>, String> {
        let mark = self.marks.pop().filter(|&mark| mark <= self.stack.len());
        mark.map(|mark| self.stack.split_off(mark)).ok_or_else(|| "closes a group it never opened".into())
    }

    /// A length of 1, 4 or 8 bytes.
    fn length(&mut self, width: usize) -> Result<u64, String> {
        Ok(match width {
            1 => u64::from(self.source.take::<1>()?[0]),
            4 => u64::from(u32::from_le_bytes(self.source.take()?)),
            _ => u64::from_le_bytes(self.source.take()?),
        })
    }

    fn payload(&mut self, width: usize, node: fn(Range<usize>) -> Node) -> Result<(), String> {
        let len = self.length(width)?;
        let range = self.source.append(len, &mut self.heap)?;
        self.push(node(range))
    }

    fn long(&mut self, len: u64) -> Result<(), String> {
        let range = self.source.append(len, &mut self.heap)?;
        let bytes = self.heap.get(range.clone()).unwrap_or_default();
        if bytes.len() > 8 {
            return self.push(Node::Long(range));
        }
        let negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
        let mut raw = if negative { [0xff; 8] } else { [0; 8] };
        for (to, from) in raw.iter_mut().zip(bytes) {
            *to = *from;
        }
        self.push(Node::Int(i64::from_le_bytes(raw)))
    }

    /// Numbers written out, as protocol 0 has them.
    fn written_number(&mut self, code: u8) -> Result<(), String> {
        let range = self.source.line(&mut self.heap)?;
        let text = String::from_utf8_lossy(self.heap.get(range).unwrap_or_default()).into_owned();
        let wrong = |_| format!("holds {text:?} where a number should be");
        match (code, text.as_str()) {
            (b'I', "00") => self.stack.push(FALSE),
            (b'I', "01") => self.stack.push(TRUE),
            (b'F', _) => {
                let value = text.parse().map_err(|_| wrong(()))?;
                self.push(Node::Float(value))?;
            }
            _ => {
                let value = text.trim_end_matches('L').parse().map_err(|_| wrong(()))?;
                self.push(Node::Int(value))?;
            }
        }
        Ok(())
    }

    fn extend_list(&mut self, more: &[Id]) -> Result<(), String> {
        match self.target()? {
            Node::List(items) => items.extend_from_slice(more),
            // Lists subclassed by strangers: their content is of no use here.
            Node::Object(_) => {}
            _ => return Err("appends to something that is no list".into()),
        }
        Ok(())
    }

    fn extend_dict(&mut self, more: &[(Id, Id)]) -> Result<(), String> {
        match self.target()? {
            Node::Dict(pairs) => pairs.extend_from_slice(more),
            Node::Object(object) => object.items.extend_from_slice(more),
            _ => return Err("sets a key of something that is no dict".into()),
        }
        Ok(())
    }

    fn target(&mut self) -> Result<&mut Node, String> {
        let target = self.top()?;
        self.nodes.get_mut(target as usize).ok_or_else(|| "takes from an empty stack".into())
    }

    fn memory(&mut self, code: u8) -> Result<(), String> {
        let key = match code {
            b'q' | b'h' => self.length(1)?,
            b'r' | b'j' => self.length(4)?,
            0x94 => self.memo.len() as u64,
            _ => {
                let range = self.source.line(&mut self.heap)?;
                let text = String::from_utf8_lossy(self.heap.get(range).unwrap_or_default()).into_owned();
                text.parse().map_err(|_| format!("has the memo key {text:?}"))?
            }
        };
        if matches!(code, b'h' | b'j' | b'g') {
            let id =
                *self.memo.get(&key).ok_or_else(|| format!("recalls value {key}, which it never kept"))?;
            self.stack.push(id);
        } else {
            let top = self.top()?;
            self.memo.insert(key, top);
        }
        Ok(())
    }

    fn object(&mut self, callee: Id, args: Id) -> Result<(), String> {
        self.push(Node::Object(Box::new(Object { callee, args, state: None, items: Vec::new() })))
    }
}

fn in_pairs(items: &[Id]) -> Result<Vec<(Id, Id)>, String> {
    let (pairs, rest) = items.as_chunks::<2>();
    if rest.is_empty() {
        Ok(pairs.iter().map(|[key, value]| (*key, *value)).collect())
    } else {
        Err("gives a key without a value".into())
    }
}

fn unknown(code: u8) -> String {
    format!("uses the pickle instruction 0x{code:02x}, which is not read")
}
