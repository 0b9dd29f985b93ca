//! A small seeded generator (xoshiro256++ fed by splitmix64) and the distributions the logs need.

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// One point of a size distribution: (probability, value).
pub type Point = (f64, f64);

pub struct Rng([u64; 4]);

/// One splitmix64 step; also used to derive independent seeds.
pub fn mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Rng {
    pub fn new(seed: u64, stream: u64) -> Self {
        let mut s = seed ^ stream.wrapping_mul(0xd6e8_feb8_6659_fd93);
        Rng([mix(&mut s), mix(&mut s), mix(&mut s), mix(&mut s)])
    }

    pub fn next(&mut self) -> u64 {
        let s = &mut self.0;
        let result = s[0].wrapping_add(s[3]).rotate_left(23).wrapping_add(s[0]);
        let t = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = s[3].rotate_left(45);
        result
    }

    /// Uniform in `0..n`.
    pub fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(n)) >> 64) as u64
    }

    /// Uniform in `lo..hi`.
    pub fn range(&mut self, lo: u64, hi: u64) -> u64 {
        lo + self.below(hi - lo)
    }

    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// True in `permille` of a thousand draws.
    pub fn chance(&mut self, permille: u64) -> bool {
        self.below(1000) < permille
    }

    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len() as u64) as usize]
    }

    /// Like `pick`, but early items are far more frequent, as words are in any text.
    pub fn zipf<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        let u = self.unit();
        &items[(u * u * u * items.len() as f64) as usize]
    }

    /// Inverse of a distribution given by points, interpolated on a log scale.
    pub fn size(&mut self, points: &[Point]) -> usize {
        let u = self.unit();
        let k = points.partition_point(|p| p.0 <= u).clamp(1, points.len() - 1);
        let (a, b) = (points[k - 1], points[k]);
        let t = (u - a.0) / (b.0 - a.0);
        (a.1 * (b.1 / a.1).powf(t)) as usize
    }

    pub fn hex(&mut self, digits: usize) -> String {
        format!("{:016x}{:016x}{:08x}", self.next(), self.next(), self.next() >> 32)[..digits]
            .to_string()
    }

    pub fn base64(&mut self, len: usize) -> String {
        let mut text = String::with_capacity(len + 10);
        while text.len() < len {
            let mut bits = self.next();
            for _ in 0..10 {
                text.push(char::from(BASE64[(bits & 63) as usize]));
                bits >>= 6;
            }
        }
        text.truncate(len);
        text
    }

    /// A version 7 UUID for a time, or a version 4 one without it.
    pub fn uuid(&mut self, millis: Option<u64>) -> String {
        let (tail, rest) = (self.next(), self.next());
        let (head, version) = match millis {
            Some(ms) => (ms, 7),
            None => (rest & 0xffff_ffff_ffff, 4),
        };
        format!(
            "{:08x}-{:04x}-{version}{:03x}-{:04x}-{:012x}",
            head >> 16,
            head & 0xffff,
            rest >> 52,
            0x8000 | (tail >> 50),
            tail & 0xffff_ffff_ffff
        )
    }
}
