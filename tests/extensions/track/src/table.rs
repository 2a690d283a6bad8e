//! The table of connections: open addressing over a power of two, made once, never grown.
//!
//! While it is saved, changes are noted: a connection that was written already and changes is put on a list, once, and
//! written again. Nothing is noted otherwise. Connections are not removed: a full table refuses new ones.

/// A connection: the addresses and ports of a datagram.
pub type Key = [u8; 12];

/// What is known of one.
#[derive(Clone, Copy)]
pub struct Connection {
    pub key: Key,
    pub packets: u64,
    pub last_ns: u64,
    used: bool,
    noted: bool,
}

/// The table.
pub struct Table {
    places: Vec<Connection>,
    used: usize,
    /// The next place to be saved; `None` while nothing is.
    cursor: Option<usize>,
    saved: usize,
    changed: Vec<u32>,
}

fn hash(key: &Key) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for word in key.chunks_exact(4) {
        let mut bytes = [0; 4];
        bytes.copy_from_slice(word);
        hash = (hash ^ u64::from(u32::from_le_bytes(bytes))).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        hash ^= hash >> 29;
    }
    hash
}

impl Table {
    /// Room for `connections`, at most two thirds full.
    pub fn new(connections: usize) -> Self {
        let places = (connections + connections / 2).next_power_of_two();
        let empty = Connection { key: [0; 12], packets: 0, last_ns: 0, used: false, noted: false };
        Table { places: vec![empty; places], used: 0, cursor: None, saved: 0, changed: Vec::with_capacity(connections) }
    }

    /// The connection of a key, made when there is none, and whether it was; `None` when there is no room.
    pub fn of(&mut self, key: &Key) -> Option<(&mut Connection, bool)> {
        let mask = self.places.len() - 1;
        let mut at = (hash(key) >> 20) as usize & mask;
        loop {
            match self.places.get(at) {
                Some(place) if place.used && place.key == *key => break,
                Some(place) if place.used => at = (at + 1) & mask,
                Some(_) if (self.used + 1) * 3 > self.places.len() * 2 => return None,
                _ => break,
            }
        }
        let place = self.places.get_mut(at)?;
        let is_new = !place.used;
        if is_new {
            *place = Connection { key: *key, packets: 0, last_ns: 0, used: true, noted: false };
            self.used += 1;
        }
        if let (Some(cursor), false) = (self.cursor, place.noted) {
            if at < cursor {
                place.noted = true;
                // The list has room for every connection.
                self.changed.push(at as u32);
            }
        }
        Some((place, is_new))
    }

    /// The next connection to be saved; `write` says whether it had room for it. Gives how many are left.
    pub fn save(&mut self, mut write: impl FnMut(&Connection) -> bool) -> usize {
        let mut cursor = self.cursor.unwrap_or(0);
        while let Some(place) = self.places.get(cursor) {
            if place.used {
                if !write(place) {
                    break;
                }
                self.saved += 1;
            }
            cursor += 1;
        }
        self.cursor = Some(cursor);
        if cursor >= self.places.len() {
            while let Some(at) = self.changed.pop() {
                let place = match self.places.get_mut(at as usize) {
                    Some(place) => place,
                    None => continue,
                };
                if !write(place) {
                    self.changed.push(at);
                    break;
                }
                place.noted = false;
            }
            return self.changed.len();
        }
        // What came to be behind the cursor is not counted as saved yet; the estimate is that good.
        self.used.saturating_sub(self.saved) + self.changed.len()
    }

    /// Notes no more.
    pub fn end_saving(&mut self) {
        self.cursor = None;
        self.saved = 0;
        for at in self.changed.drain(..) {
            if let Some(place) = self.places.get_mut(at as usize) {
                place.noted = false;
            }
        }
    }
}
