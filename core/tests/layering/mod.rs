//! Which file of a crate uses which other, read from the paths in its code.
//!
//! A file uses another when it names something of it: in a private `use`, in a path that begins with `crate`,
//! `self` or `super`, or as a child module (`child::item`). A name that a third file passes on with `pub use`
//! counts for the file that defines it, and passing on is no use. Code under `cfg(test)` does not count.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};
use syn::{Attribute, Item, UseTree, Visibility};

/// A module's path from the root of the crate: `["gui", "views", "train"]`; the root itself is empty.
type Module = Vec<String>;

/// The files of a crate.
pub struct Sources {
    files: BTreeMap<Module, File>,
}

#[derive(Default)]
struct File {
    /// Relative to the folder of sources.
    path: String,
    /// Absolute paths that it names.
    named: Vec<Module>,
    /// Names it has by `use`, with their absolute paths.
    aliases: BTreeMap<String, Module>,
}

impl Sources {
    /// Reads the crate whose root file is `root`, following its `mod` lines.
    pub fn read(root: &Path) -> Self {
        let mut files = BTreeMap::new();
        let folder = root.parent().unwrap().to_owned();
        read(&folder, root, &Module::new(), &mut files);
        Self { files }
    }

    /// How many files there are.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Each file's module with the modules of the files it uses.
    fn uses(&self) -> BTreeMap<&Module, BTreeSet<&Module>> {
        let of = |(module, file): (_, &File)| {
            let used =
                file.named.iter().filter_map(|name| self.file_of(name, 0)).filter(|used| *used != module);
            (module, used.collect())
        };
        self.files.iter().map(of).collect()
    }

    /// The module whose file defines `name`.
    fn file_of(&self, name: &[String], depth: usize) -> Option<&Module> {
        let at = (0..=name.len()).rev().find(|&at| self.files.contains_key(&name[..at]))?;
        let (module, file) = self.files.get_key_value(&name[..at])?;
        let passed_on = name.get(at).and_then(|first| file.aliases.get(first)).filter(|_| depth < 8);
        match passed_on {
            Some(target) if target[..] != *name => {
                let whole: Module = target.iter().chain(&name[at + 1..]).cloned().collect();
                self.file_of(&whole, depth + 1).or(Some(module))
            }
            _ => Some(module),
        }
    }

    fn path(&self, module: &Module) -> &str {
        &self.files[module].path
    }

    /// Files that use each other, directly or round a corner; each circle with what leads from file to file.
    pub fn circles(&self) -> Vec<String> {
        let uses = self.uses();
        let reachable: BTreeMap<&Module, BTreeSet<&Module>> =
            uses.keys().map(|from| (*from, reach(&uses, from))).collect();
        let mut told: BTreeSet<&Module> = BTreeSet::new();
        let mut circles = Vec::new();
        for (from, reached) in &reachable {
            if told.contains(from) || !reached.contains(from) {
                continue;
            }
            let circle: BTreeSet<&Module> =
                reached.iter().copied().filter(|to| reachable[to].contains(from)).collect();
            let lines = circle.iter().flat_map(|one| {
                let inside = uses[one].intersection(&circle).map(|other| self.path(other));
                inside.map(|other| format!("  {} uses {other}", self.path(one))).collect::<Vec<_>>()
            });
            circles.push(format!("{} files:\n{}", circle.len(), lines.collect::<Vec<_>>().join("\n")));
            told.extend(circle);
        }
        circles
    }

    /// Uses that point upwards in `order`, which lists groups of modules below `root` from the lowest to the
    /// highest; modules of one group do not use each other.
    pub fn against(&self, root: &[&str], order: &[&[&str]]) -> Vec<String> {
        let root: Module = root.iter().map(|part| (*part).to_owned()).collect();
        let place = |module: &Module| -> Option<(usize, String)> {
            let name = module.strip_prefix(&root[..])?.first()?;
            let at = order.iter().position(|group| group.contains(&name.as_str()));
            Some((at.unwrap_or_else(|| panic!("{name} has no place in the order")), name.clone()))
        };
        let mut wrong = Vec::new();
        for (from, used) in self.uses() {
            for to in used {
                if let (Some(upper), Some(lower)) = (place(from), place(to))
                    && upper.1 != lower.1
                    && upper.0 <= lower.0
                {
                    wrong.push(format!("{} uses {}", self.path(from), self.path(to)));
                }
            }
        }
        wrong
    }
}

/// What can be reached from a file by using, once or more often.
fn reach<'a>(uses: &BTreeMap<&'a Module, BTreeSet<&'a Module>>, from: &'a Module) -> BTreeSet<&'a Module> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&Module> = uses[from].iter().copied().collect();
    while let Some(next) = open.pop() {
        if reached.insert(next) {
            open.extend(&uses[next]);
        }
    }
    reached
}

fn read(folder: &Path, path: &Path, module: &Module, files: &mut BTreeMap<Module, File>) {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let parsed = syn::parse_file(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut reader =
        Reader { here: module.clone(), children: Vec::new(), file: File::default(), plain: Vec::new() };
    reader.visit_file(&parsed);
    let Reader { children, mut file, plain, .. } = reader;
    for name in plain {
        let Some((first, rest)) = name.split_first() else { continue };
        if children.contains(first) {
            file.named.push(module.iter().cloned().chain(name).collect());
        } else if let Some(target) = file.aliases.get(first) {
            file.named.push(target.iter().chain(rest).cloned().collect());
        }
    }
    file.path = path.strip_prefix(folder).unwrap().display().to_string();
    files.insert(module.clone(), file);
    // `a/mod.rs` and the root have their children beside them, `a.rs` in `a/`.
    let stem = path.file_stem().unwrap().to_string_lossy();
    let beside = path.parent().unwrap();
    let inside: PathBuf =
        if module.is_empty() || stem == "mod" { beside.to_owned() } else { beside.join(&*stem) };
    for child in children {
        let below: Module = module.iter().cloned().chain([child.clone()]).collect();
        let flat = inside.join(format!("{child}.rs"));
        let path = if flat.exists() { flat } else { inside.join(&child).join("mod.rs") };
        read(folder, &path, &below, files);
    }
}

/// Collects what one file names.
struct Reader {
    /// The module the visitor is in: the file's, or one written out in it.
    here: Module,
    /// Modules in files of their own.
    children: Vec<String>,
    file: File,
    /// Paths that begin with a name, to be looked up when all names are known.
    plain: Vec<Module>,
}

impl Reader {
    /// `crate::a`, `self::a` and `super::a` from the root of the crate.
    fn absolute(&self, path: &[String]) -> Option<Module> {
        let (first, mut rest) = path.split_first()?;
        let mut base = match first.as_str() {
            "crate" => Module::new(),
            "self" | "super" => self.here.clone(),
            _ => return None,
        };
        if first == "super" {
            base.pop();
            while let Some(("super", further)) = rest.split_first().map(|(next, all)| (next.as_str(), all)) {
                base.pop();
                rest = further;
            }
        }
        base.extend(rest.iter().cloned());
        Some(base)
    }

    fn name(&mut self, path: Module) {
        match self.absolute(&path) {
            Some(absolute) => self.file.named.push(absolute),
            None => self.plain.push(path),
        }
    }

    fn take_use(&mut self, tree: &UseTree, before: &Module, passes_on: bool) {
        let with = |name: String| before.iter().cloned().chain([name]).collect::<Module>();
        let (path, alias) = match tree {
            UseTree::Path(path) => {
                return self.take_use(&path.tree, &with(path.ident.to_string()), passes_on);
            }
            UseTree::Group(group) => {
                return group.items.iter().for_each(|item| self.take_use(item, before, passes_on));
            }
            UseTree::Glob(_) => (before.clone(), None),
            UseTree::Name(name) if name.ident == "self" => (before.clone(), before.last().cloned()),
            UseTree::Name(name) => (with(name.ident.to_string()), Some(name.ident.to_string())),
            UseTree::Rename(name) => (with(name.ident.to_string()), Some(name.rename.to_string())),
        };
        // `use child::item` names a child module; other paths without a keyword lead into other crates.
        let child = path.first().is_some_and(|first| self.children.contains(first));
        let absolute =
            if child { Some(self.here.iter().cloned().chain(path).collect()) } else { self.absolute(&path) };
        let Some(absolute): Option<Module> = absolute else { return };
        if let Some(alias) = alias {
            self.file.aliases.insert(alias, absolute.clone());
        }
        if !passes_on {
            self.file.named.push(absolute);
        }
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_file(&mut self, file: &'ast syn::File) {
        // Children first: `use child::item` may stand before `mod child`.
        for item in &file.items {
            if let Item::Mod(child) = item
                && child.content.is_none()
                && !is_test(&child.attrs)
            {
                self.children.push(child.ident.to_string());
            }
        }
        visit::visit_file(self, file);
    }

    fn visit_item(&mut self, item: &'ast Item) {
        if !is_test(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.here.push(item.ident.to_string());
        visit::visit_item_mod(self, item);
        self.here.pop();
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.take_use(&item.tree, &Module::new(), !matches!(item.vis, Visibility::Inherited));
    }

    // `pub(super)` names a module without using it.
    fn visit_visibility(&mut self, _: &'ast Visibility) {}

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.name(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, mac: &'ast syn::Macro) {
        // Arguments of macros are no code yet; their paths are found as text.
        let text = mac.tokens.to_string().replace(" :: ", "::");
        for word in text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')) {
            if word.contains("::") {
                self.name(word.split("::").map(str::to_owned).collect());
            }
        }
    }
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// Whether an item is compiled for tests only: `cfg(test)`, `cfg(all(test, …))`.
fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.meta.require_list().is_ok_and(|list| {
                let words = list.tokens.to_string();
                words.split(|c: char| !c.is_alphanumeric()).any(|word| word == "test")
                    && !words.contains("not")
            })
    })
}
