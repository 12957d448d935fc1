//! Stored types and the domain's, where they have the same fields.

use antar_domain::{AccountId, CorrespondentId, ForkId, GroupId, PasswordHash, PeerId, SessionId};
use antar_types::{Chain, DisplayName, Emoji, Fingerprint, Name, Text, Time, TokenHash};
use std::net::IpAddr;

/// Turns a value of one of two types that are alike into the other.
pub trait Alike<T> {
    fn alike(self) -> T;
}

macro_rules! themselves {
    ($($kind:ty),+) => {$(
        impl Alike<$kind> for $kind {
            fn alike(self) -> $kind {
                self
            }
        }
    )+};
}

themselves!(
    u64,
    u16,
    bool,
    Name,
    Text,
    Time,
    Chain,
    TokenHash,
    Fingerprint,
    PasswordHash,
    DisplayName,
    Emoji,
    AccountId,
    CorrespondentId,
    ForkId,
    GroupId,
    PeerId,
    SessionId,
    Box<str>,
    IpAddr
);

impl<T, U: Alike<T>> Alike<Option<T>> for Option<U> {
    fn alike(self) -> Option<T> {
        self.map(Alike::alike)
    }
}

impl<T, U: Alike<T>> Alike<Vec<T>> for Vec<U> {
    fn alike(self) -> Vec<T> {
        self.into_iter().map(Alike::alike).collect()
    }
}

/// Says of pairs of types that they have the same fields or variants: the stored one, and the one that
/// is used. What the latter has besides is given after a `+`: a field as it is where the stored one is
/// read, a variant as what it was before there was such a one.
macro_rules! alike {
    () => {};
    (struct $old:ident = $new:path { $($field:ident),+ $(+ $more:ident = $value:tt)* } $($rest:tt)*) => {
        impl $crate::records::alike::Alike<$old> for $new {
            fn alike(self) -> $old {
                $old { $($field: self.$field.alike()),+ }
            }
        }
        impl $crate::records::alike::Alike<$new> for $old {
            fn alike(self) -> $new {
                type New = $new;
                New { $($field: self.$field.alike()),+ $(, $more: $value)* }
            }
        }
        $crate::records::alike::alike! { $($rest)* }
    };
    (enum $old:ident = $new:path {
        $($variant:ident $(($($value:ident),+))?),+
        $(+ $more:ident ($first:ident, $($_further:tt),+) = $as:ident)*
    } $($rest:tt)*) => {
        impl $crate::records::alike::Alike<$old> for $new {
            fn alike(self) -> $old {
                type New = $new;
                match self {
                    $(New::$variant $(($($value),+))? => $old::$variant $(($($value.alike()),+))?,)+
                    $(New::$more($first, ..) => $old::$as($first.alike()),)*
                }
            }
        }
        impl $crate::records::alike::Alike<$new> for $old {
            fn alike(self) -> $new {
                type New = $new;
                match self {
                    $($old::$variant $(($($value),+))? => New::$variant $(($($value.alike()),+))?,)+
                }
            }
        }
        $crate::records::alike::alike! { $($rest)* }
    };
}

pub(crate) use alike;
