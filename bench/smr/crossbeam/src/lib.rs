// SPDX-License-Identifier: MIT
//! crossbeam-epoch as a subject of smr-bench (subject.h): loops over its guards, loads and retires.
use crossbeam_epoch as epoch;
use std::hint::black_box;
use std::sync::atomic::{AtomicPtr, Ordering};

/// The head of a node of subject.h; the rest is not looked at.
#[repr(C)]
pub struct Node {
    next: AtomicPtr<Node>,
    rest: [u64; 7],
}

#[no_mangle]
pub extern "C" fn crossbeam_guards(count: u64) {
    for _ in 0..count {
        drop(black_box(epoch::pin()));
    }
}

/// # Safety
/// `head` leads to a ring of nodes.
#[no_mangle]
pub unsafe extern "C" fn crossbeam_hops(mut head: *const AtomicPtr<Node>, count: u64) {
    let _guard = epoch::pin();
    for _ in 0..count {
        head = &(*(*head).load(Ordering::Acquire)).next;
    }
    black_box(head);
}

fn reclaim(node: usize) {
    black_box(node);
}

/// # Safety
/// `nodes` are `count` nodes.
#[no_mangle]
pub unsafe extern "C" fn crossbeam_retires(nodes: *mut Node, count: u64) {
    for i in 0..count as usize {
        let guard = epoch::pin();
        let node = nodes.add(i) as usize;
        guard.defer_unchecked(move || reclaim(node));
    }
}
