//! The tree over the transcripts of an interval (SPEC §II.12.3).
//!
//! Level by level, nodes 2j and 2j + 1 become node j of the next; a last node without a partner goes up as it is. The
//! width of every level follows from the number of transcripts, so that a path has one length and no inner node can
//! pass for a transcript.

use super::hash::{Hash, Keys};
use alloc::vec::Vec;

/// How two nodes of a tree become one.
pub trait Nodes {
    /// The node over two.
    fn node(&self, left: &Hash, right: &Hash) -> Hash;
}

impl Nodes for Keys {
    fn node(&self, left: &Hash, right: &Hash) -> Hash {
        Keys::node(self, left, right)
    }
}

/// All levels of a tree, the transcripts first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    levels: Vec<Vec<Hash>>,
}

/// The partner of node `index` of `width`, if it has one.
fn partner(index: u64, width: u64) -> Option<u64> {
    Some(index ^ 1).filter(|partner| *partner < width)
}

/// Nodes of the path from transcript `index` of `width` to the root.
#[must_use]
pub fn path_len(mut index: u64, mut width: u64) -> usize {
    let mut len = 0;
    while width > 1 {
        len += usize::from(partner(index, width).is_some());
        (index, width) = (index / 2, width.div_ceil(2));
    }
    len
}

impl Tree {
    /// The tree over transcripts in order; `None` for none.
    #[must_use]
    pub fn new(keys: &impl Nodes, transcripts: Vec<Hash>) -> Option<Self> {
        if transcripts.is_empty() {
            return None;
        }
        let mut levels = alloc::vec![transcripts];
        while let Some(level) = levels.last().filter(|level| level.len() > 1) {
            let above = level.chunks(2).map(|pair| match pair {
                [left, right] => keys.node(left, right),
                _ => pair[0],
            });
            let above = above.collect();
            levels.push(above);
        }
        Some(Self { levels })
    }

    /// The root.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.levels[self.levels.len() - 1][0]
    }

    /// The transcripts.
    #[must_use]
    pub fn transcripts(&self) -> &[Hash] {
        &self.levels[0]
    }

    /// The partners from transcript `index` up to the root.
    ///
    /// # Panics
    /// When there is no such transcript.
    #[must_use]
    pub fn path(&self, index: usize) -> Vec<Hash> {
        assert!(index < self.levels[0].len(), "transcript {index} of {}", self.levels[0].len());
        let nodes =
            self.levels.iter().enumerate().filter_map(|(height, level)| level.get((index >> height) ^ 1));
        nodes.copied().collect()
    }
}

/// The root that transcript `index` of `width` has by a path; `None` when the path is of another length.
#[must_use]
pub fn root_by(
    keys: &impl Nodes,
    transcript: Hash,
    mut index: u64,
    mut width: u64,
    path: &[Hash],
) -> Option<Hash> {
    if index >= width || path.len() != path_len(index, width) {
        return None;
    }
    let (mut node, mut path) = (transcript, path.iter());
    while width > 1 {
        if partner(index, width).is_some() {
            let partner = path.next()?;
            node =
                if index.is_multiple_of(2) { keys.node(&node, partner) } else { keys.node(partner, &node) };
        }
        (index, width) = (index / 2, width.div_ceil(2));
    }
    Some(node)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exact::{Preset, Puzzle};
    use crate::identity::{BlockHash, PublicKey};

    #[test]
    fn every_transcript_of_every_width_has_its_path_and_no_other() {
        let puzzle = Puzzle::new(&Preset::Nano.params(), &BlockHash::new("tree").expect("a hash"));
        let keys = Keys::new(&puzzle, &PublicKey::new("tree").expect("a key"));
        let all: Vec<Hash> = (0..70_u8).map(|n| Hash::from_bytes([n; 32])).collect();
        assert_eq!(Tree::new(&keys, Vec::new()), None);
        for width in 1..=70_usize {
            let tree = Tree::new(&keys, all[..width].to_vec()).expect("a tree");
            for index in 0..width {
                let (path, at) = (tree.path(index), index as u64);
                assert_eq!(path.len(), path_len(at, width as u64));
                let root = |leaf, at, width, path: &[Hash]| root_by(&keys, leaf, at, width, path);
                assert_eq!(root(all[index], at, width as u64, &path), Some(tree.root()));
                let other = (at + 1) % width as u64;
                assert!(width == 1 || root(all[index], other, width as u64, &path) != Some(tree.root()));
                assert_ne!(root(Hash::from_bytes([99; 32]), at, width as u64, &path), Some(tree.root()));
                assert_eq!(root(all[index], width as u64, width as u64, &path), None);
                let longer = [path.as_slice(), &[all[0]]].concat();
                assert_eq!(root(all[index], at, width as u64, &longer), None);
            }
        }
    }
}
