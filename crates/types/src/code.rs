//! Error codes: one for machines, one Indonesian sentence for people.

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal, $text:literal;)+) => {
        /// Why a request was refused (protocol section 4, *Errors*).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Code { $($(#[doc = $doc])+ $name,)+ }

        impl Code {
            /// Every code there is.
            pub const ALL: &'static [Code] = &[$(Code::$name),+];

            /// The code a program tests for.
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$name => $code,)+ }
            }

            /// The sentence a person reads, as the documents spell it where they have one.
            pub fn text(self) -> &'static str {
                match self { $(Code::$name => $text,)+ }
            }
        }
    };
}

codes! {
    /// No such user in this realm.
    UserNotFound = "user_not_found", "User tidak ada";
    /// The password is not the user's or the group's.
    WrongPassword = "wrong_password", "Password salah";
    /// An administrator has locked the account.
    Locked = "locked", "Akun dikunci";
    /// No session on the connection and no valid token in the request.
    NoSession = "no_session", "Session tidak ditemukan";
    /// The caller has no session of that number.
    SessionNotFound = "session_not_found", "Session tidak ditemukan";
    /// The group's name is taken.
    GroupExists = "group_exists", "Group sudah ada";
    /// No group of that name.
    GroupNotFound = "group_not_found", "Group belum ada";
    /// The request names no group and the session has no current one.
    NoGroup = "no_group", "Group tidak ditemukan";
    /// The caller, or the user that the request is about, is in the group already.
    AlreadyMember = "already_member", "User sudah join";
    /// The caller, or the user that the request is about, is not in the group.
    NotMember = "not_member", "Bukan member group";
    /// The user may not join the group.
    Banned = "banned", "User diblokir dari group";
    /// Only who is put into the group comes into it.
    InviteOnly = "invite_only", "Group hanya dengan undangan";
    /// The caller may not write into the group for now.
    Silenced = "silenced", "Tidak boleh menulis";
    /// Only the group's owner and moderators write there.
    AnnounceOnly = "announce_only", "Hanya pengumuman";
    /// A realm of that name is linked already.
    RealmExists = "realm_exists", "Realm sudah ada";
    /// No realm of that name is linked.
    RealmNotFound = "realm_not_found", "Realm belum ada";
    /// The realm's address gives no answer.
    RealmUnreachable = "realm_unreachable", "Realm Unreachable";
    /// The realm at that address has another name, which the reply tells under `realm`.
    RealmName = "realm_name", "Nama realm tidak cocok";
    /// No message of that id is in the conversation.
    MessageNotFound = "message_not_found", "Pesan tidak ditemukan";
    /// No file of that hash that the caller may read, or no file that the message names.
    FileNotFound = "file_not_found", "File tidak ditemukan";
    /// The `ref` was another message's, in the last seven days.
    RefReused = "ref_reused", "Ref sudah dipakai";
    /// A realm does not link to itself.
    RealmSelf = "realm_self", "Realm ini sendiri";
    /// Both realms have the same name: one of them must be renamed first.
    RealmSameName = "realm_same_name", "Nama realm sama";
    /// The realm, or whoever pretends to be it, has another key than the one known.
    RealmKey = "realm_key", "Kunci realm berbeda";
    /// The other realm accepts no link, or not this one.
    RealmRefused = "realm_refused", "Realm menolak";
    /// The other realm has ended the link.
    RealmRemoved = "realm_removed", "Realm sudah dihapus";
    /// Two realms called each other at once; the other call goes on.
    RealmCrossed = "realm_crossed", "Panggilan realm bersilang";
    /// Messages are still owed to the realm; `force` drops them.
    RealmOwed = "realm_owed", "Masih ada pesan untuk realm";
    /// The past of a link is not the same on both sides.
    Diverged = "diverged", "Riwayat realm berbeda";
    /// As much is owed to the realm as its link may hold.
    LinkFull = "link_full", "Antrian realm penuh";
    /// An invitation that is unknown, used or too old.
    BadInvitation = "bad_invitation", "Undangan tidak berlaku";
    /// The verb is not one of ours.
    UnknownRequest = "unknown_request", "protokol tidak benar";
    /// A cursor that cannot be honoured: begin again with the list of conversations.
    Resync = "resync", "Mulai lagi dari CONVERSATIONS";
    /// Too few parameters, or an option the verb does not take.
    BadParameters = "bad_parameters", "protokol tidak benar";
    /// The caller may not do this here.
    Forbidden = "forbidden", "Tidak diizinkan";
    /// Too many attempts; try again later.
    RateLimited = "rate_limited", "Terlalu banyak permintaan";
    /// A line or a text is longer than its limit.
    TooLong = "too_long", "Pesan terlalu panjang";
    /// A line is not UTF-8.
    BadEncoding = "bad_encoding", "Bukan UTF-8";
    /// A new name breaks the rule for names.
    BadName = "bad_name", "Nama tidak benar";
    /// A text holds control characters.
    BadText = "bad_text", "Pesan tidak benar";
    /// A password is empty, too long or holds control characters.
    BadPassword = "bad_password", "Password tidak benar";
    /// The user's name is taken.
    UserExists = "user_exists", "User sudah ada";
    /// A limit of this realm was reached: groups, members, sessions.
    LimitReached = "limit_reached", "Batas tercapai";
    /// Too many connections, in all or from one address.
    TooManyConnections = "too_many_connections", "Terlalu banyak koneksi";
    /// Only TLS is spoken here.
    TlsRequired = "tls_required", "Harus memakai TLS";
    /// Nobody logged in for too long, or nothing was said for too long.
    TimedOut = "timed_out", "Waktu habis";
    /// What watched did not read its events fast enough.
    TooSlow = "too_slow", "Terlalu lambat membaca";
    /// The connection watches something else now.
    Replaced = "replaced", "Watch diganti";
    /// The backup could not be written; the reply says why.
    BackupFailed = "backup_failed", "Backup gagal";
    /// Not possible now (disk full, shutting down, not linked yet); nothing was stored.
    Unavailable = "unavailable", "Layanan tidak tersedia";
    /// It may or may not have been done, because the disk failed in the middle of it: look before you send
    /// it again.
    Unknown = "unknown", "Hasil tidak diketahui";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_distinct_and_plain() {
        let mut seen: Vec<&str> = Code::ALL.iter().map(|c| c.as_str()).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), Code::ALL.len());
        assert!(seen.iter().all(|c| c.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')));
    }
}
