// SPDX-License-Identifier: MIT
//! crossbeam's collections as peers of collections-bench (peer.h): the loops, by C's calls.
use crossbeam_queue::{ArrayQueue, SegQueue};
use crossbeam_skiplist::SkipMap;
use std::slice;

const RING_CAPACITY: usize = 1 << 16;

type Map = SkipMap<i64, u64>;

#[no_mangle]
pub extern "C" fn crossbeam_map_make() -> *mut Map {
    Box::into_raw(Box::new(SkipMap::new()))
}

/// # Safety
/// `map` is of crossbeam_map_make(), `ops` are `count`.
#[no_mangle]
pub unsafe extern "C" fn crossbeam_map_run(map: *const Map, ops: *const u64, count: usize) -> u64 {
    let map = &*map;
    let mut done = 0;
    for &op in slice::from_raw_parts(ops, count) {
        let key = (op >> 2) as i64;
        done += match op & 3 {
            0 => map.contains_key(&key) as u64,
            1 => {
                map.insert(key, key as u64);
                1
            }
            _ => map.remove(&key).is_some() as u64,
        };
    }
    done
}

/// What both queues have.
trait Queue {
    fn try_put(&self, item: u64) -> bool;
    fn try_get(&self) -> Option<u64>;
}

impl Queue for SegQueue<u64> {
    fn try_put(&self, item: u64) -> bool {
        self.push(item);
        true
    }
    fn try_get(&self) -> Option<u64> {
        self.pop()
    }
}

impl Queue for ArrayQueue<u64> {
    fn try_put(&self, item: u64) -> bool {
        self.push(item).is_ok()
    }
    fn try_get(&self) -> Option<u64> {
        self.pop()
    }
}

fn put<Q: Queue>(queue: &Q, first: u64, count: usize) -> usize {
    (0..count).take_while(|i| queue.try_put(first + *i as u64)).count()
}

fn get<Q: Queue>(queue: &Q, count: usize, sum: &mut u64) -> usize {
    let mut done = 0;
    while done < count {
        match queue.try_get() {
            Some(item) => *sum = sum.wrapping_add(item),
            None => break,
        }
        done += 1;
    }
    done
}

fn pairs<Q: Queue>(queue: &Q, count: usize) -> u64 {
    let mut sum = 0u64;
    for i in 0..count {
        if queue.try_put(i as u64 + 1) {
            sum = sum.wrapping_add(queue.try_get().unwrap_or(0));
        }
    }
    sum
}

macro_rules! queue {
    ($type:ty, $new:expr, $make:ident, $put:ident, $get:ident, $pairs:ident) => {
        #[no_mangle]
        pub extern "C" fn $make() -> *mut $type {
            Box::into_raw(Box::new($new))
        }
        /// # Safety
        /// `queue` was made here.
        #[no_mangle]
        pub unsafe extern "C" fn $put(queue: *const $type, first: u64, count: usize) -> usize {
            put(&*queue, first, count)
        }
        /// # Safety
        /// `queue` was made here.
        #[no_mangle]
        pub unsafe extern "C" fn $get(queue: *const $type, count: usize, sum: &mut u64) -> usize {
            get(&*queue, count, sum)
        }
        /// # Safety
        /// `queue` was made here.
        #[no_mangle]
        pub unsafe extern "C" fn $pairs(queue: *const $type, count: usize) -> u64 {
            pairs(&*queue, count)
        }
    };
}

queue!(
    SegQueue<u64>,
    SegQueue::new(),
    crossbeam_segqueue_make,
    crossbeam_segqueue_put,
    crossbeam_segqueue_get,
    crossbeam_segqueue_pairs
);
queue!(
    ArrayQueue<u64>,
    ArrayQueue::new(RING_CAPACITY),
    crossbeam_arrayqueue_make,
    crossbeam_arrayqueue_put,
    crossbeam_arrayqueue_get,
    crossbeam_arrayqueue_pairs
);
