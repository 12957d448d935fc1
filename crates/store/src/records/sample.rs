//! Values of every stored type, out of numbers: what tests and fuzzing are fed with. A record that is
//! declared can be made without another line.

use antar_domain::{AccountId, CorrespondentId, ForkId, GroupId, PasswordHash, PeerId, SessionId};
use antar_types::{Chain, DisplayName, Emoji, Fingerprint, Name, Reference, Text, Time, TokenHash};
use std::net::IpAddr;

/// Gives numbers, of which values are made.
pub type Draw<'a> = dyn FnMut() -> u64 + 'a;

/// What a value can be made of numbers of.
pub trait Sample {
    fn sample(draw: &mut Draw<'_>) -> Self;
}

impl Sample for u64 {
    /// Large numbers and small ones: they are stored in different lengths.
    fn sample(draw: &mut Draw<'_>) -> Self {
        draw() >> (draw() % 64)
    }
}

impl Sample for u16 {
    fn sample(draw: &mut Draw<'_>) -> Self {
        draw() as u16
    }
}

impl Sample for u32 {
    fn sample(draw: &mut Draw<'_>) -> Self {
        draw() as u32
    }
}

impl Sample for bool {
    fn sample(draw: &mut Draw<'_>) -> Self {
        draw().is_multiple_of(2)
    }
}

impl<T: Sample> Sample for Option<T> {
    fn sample(draw: &mut Draw<'_>) -> Self {
        (!draw().is_multiple_of(3)).then(|| T::sample(draw))
    }
}

impl<T: Sample> Sample for Box<T> {
    fn sample(draw: &mut Draw<'_>) -> Self {
        Self::new(T::sample(draw))
    }
}

impl<A: Sample, B: Sample> Sample for (A, B) {
    fn sample(draw: &mut Draw<'_>) -> Self {
        (A::sample(draw), B::sample(draw))
    }
}

impl<T: Sample> Sample for Vec<T> {
    fn sample(draw: &mut Draw<'_>) -> Self {
        (0..draw() % 4).map(|_| T::sample(draw)).collect()
    }
}

impl<const N: usize> Sample for [u8; N] {
    fn sample(draw: &mut Draw<'_>) -> Self {
        std::array::from_fn(|_| draw() as u8)
    }
}

impl Sample for Name {
    fn sample(draw: &mut Draw<'_>) -> Self {
        let word = format!("{:x}.{}", draw() % 4096, "Xy-".repeat((draw() % 20) as usize));
        Self::parse(&word).unwrap_or_else(|| unreachable!("{word} is a name"))
    }
}

impl Sample for Reference {
    fn sample(draw: &mut Draw<'_>) -> Self {
        let word = format!("{:x}", draw());
        Self::parse(&word).unwrap_or_else(|| unreachable!("{word} is a reference"))
    }
}

impl Sample for antar_types::FileName {
    fn sample(draw: &mut Draw<'_>) -> Self {
        Self::cleaned(&format!("{:x}.txt", draw()))
    }
}

impl Sample for antar_types::FileType {
    fn sample(draw: &mut Draw<'_>) -> Self {
        let word = ["image/png", "text/plain"][(draw() % 2) as usize];
        Self::parse(word).unwrap_or_default()
    }
}

impl Sample for antar_types::FileHash {
    fn sample(draw: &mut Draw<'_>) -> Self {
        <[u8; 32]>::sample(draw).into()
    }
}

impl Sample for antar_domain::FileKey {
    fn sample(draw: &mut Draw<'_>) -> Self {
        Self::new(Sample::sample(draw))
    }
}

impl Sample for Emoji {
    fn sample(draw: &mut Draw<'_>) -> Self {
        let word = ["👍", "❤️", "e\u{301}", "a"][(draw() % 4) as usize];
        Self::parse(word).unwrap_or_else(|| unreachable!("{word} is one"))
    }
}

impl Sample for Text {
    fn sample(draw: &mut Draw<'_>) -> Self {
        let text = ["", "hello", "é 漢\u{2028}x", "a\tb"][(draw() % 4) as usize];
        let text = text.repeat((draw() % 8) as usize);
        Self::parse(&text, usize::MAX).unwrap_or_else(|_| Self::empty())
    }
}

impl Sample for Box<str> {
    fn sample(draw: &mut Draw<'_>) -> Self {
        format!("{:x}", draw()).into()
    }
}

impl Sample for DisplayName {
    fn sample(draw: &mut Draw<'_>) -> Self {
        let shown = format!("Jordan Henderson(127.0.0.1:{})", draw() % 65536);
        Self::new(&shown).unwrap_or_else(|| unreachable!("{shown} can be shown"))
    }
}

impl Sample for PasswordHash {
    fn sample(draw: &mut Draw<'_>) -> Self {
        Self::new(format!("$argon2id${:x}", draw()))
    }
}

impl Sample for Chain {
    fn sample(draw: &mut Draw<'_>) -> Self {
        Self::parse(&format!("{:016x}{:016x}", draw(), draw())).unwrap_or(Self::START)
    }
}

impl Sample for IpAddr {
    fn sample(draw: &mut Draw<'_>) -> Self {
        match draw() % 2 {
            0 => <[u8; 4]>::sample(draw).into(),
            _ => <[u8; 16]>::sample(draw).into(),
        }
    }
}

macro_rules! wrapped {
    ($($kind:ident),+) => {$(
        impl Sample for $kind {
            fn sample(draw: &mut Draw<'_>) -> Self {
                Self(Sample::sample(draw))
            }
        }
    )+};
}

wrapped!(
    AccountId,
    CorrespondentId,
    ForkId,
    GroupId,
    PeerId,
    SessionId,
    Time,
    TokenHash,
    Fingerprint
);

/// Says of what types are made that are made of several values.
macro_rules! sampled {
    () => {};
    (struct $name:ident { $($field:ident),+ } $($rest:tt)*) => {
        impl Sample for $name {
            fn sample(draw: &mut $crate::records::sample::Draw<'_>) -> Self {
                Self { $($field: Sample::sample(draw)),+ }
            }
        }
        $crate::records::sample::sampled! { $($rest)* }
    };
    (enum $name:ident { $($variant:ident $(($($value:ident),+))?),+ } $($rest:tt)*) => {
        impl Sample for $name {
            fn sample(draw: &mut $crate::records::sample::Draw<'_>) -> Self {
                let variants: &[fn(&mut $crate::records::sample::Draw<'_>) -> Self] = &[$(|_draw| {
                    $($(let $value = Sample::sample(_draw);)+)?
                    Self::$variant $(($($value),+))?
                }),+];
                variants[(draw() % variants.len() as u64) as usize](draw)
            }
        }
        $crate::records::sample::sampled! { $($rest)* }
    };
}

pub(crate) use sampled;
