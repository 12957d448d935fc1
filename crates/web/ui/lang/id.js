/** @type {Record<keyof typeof import('./en.js').texts, string>} */
export const texts = {
  messages: 'Pesan', latest: 'Terbaru', beginning: 'Awal percakapan {0}.', loading: 'Memuat …', newMessages: 'Pesan baru', today: 'Hari ini', yesterday: 'Kemarin', failed: 'Tidak berhasil: {0}.',
  deleted: 'Pesan ini dihapus', edited: '(diubah)', gone: ' (hilang)', earlier: 'Pesan sebelumnya', again: 'Coba lagi', discard: 'Buang',
  state_sending: 'Mengirim', state_stored: 'Terkirim', state_pending: 'Menunggu tempatnya di grup di {0}', state_delivered: 'Sampai', state_failed: 'Tidak terkirim',
  message: 'Tulis pesan', send: 'Kirim', attach: 'Lampirkan file', emoji: 'Emoji', replying: 'Membalas {0}', editing: 'Mengubah pesan', cancel: 'Batal',
  tooLong: 'Terlalu panjang: pesan paling banyak 16 KiB.', noText: 'Pesan tidak boleh kosong. Hapuslah jika tidak perlu.', tooMany: 'Terlalu banyak yang menunggu dikirim.', newConversation: 'Percakapan baru',
  conversations: 'Percakapan', search: 'Cari', found: 'Ditemukan', noConversations: 'Belum ada apa-apa. Mulailah percakapan.', settings: 'Pengaturan', logOut: 'Keluar',
  unread: '{0} belum dibaca', mentions: '{0} untuk Anda', online: 'tersambung', reconnecting: 'menyambung lagi', muted: 'senyap', blocked: 'diblokir', away: 'tidak di tempat', lastHere: 'terakhir di sini {0}',
  members: '{0} anggota',
  lost: 'Sambungan sedang terputus.', newer: 'Ada versi baru halaman ini.', partial: 'Sebagian halaman ini tidak ada.', reload: 'Muat ulang', notAttached: 'Tidak terlampir: {0}.',
  name: 'Nama', password: 'Kata sandi', logIn: 'Masuk', register: 'Daftar', atRealm: 'di {0}', bothNeeded: 'Nama dan kata sandi harus diisi.', noBlanks: 'Kata sandi dengan spasi tidak bisa diganti nanti. Pilihlah yang tanpa spasi.', closed: 'Akun dibuat oleh administrator di sini.', ended: 'Sesi ini berakhir. Silakan masuk lagi.', endsLater: 'Sesi Anda berakhir setelah peramban ini tersambung lagi.',
  show: 'Lihat', showAll: 'Lihat semua', connection: 'Sambungan', choose: 'Pilih percakapan', keys: 'Ctrl K membuka percakapan menurut namanya.', manyType: 'Beberapa orang sedang menulis …', types: '{0} sedang menulis …',
  back: 'Kembali', details: 'Rincian', conversationMenu: 'Lainnya',
};

/** What the realm itself does not say well. @type {Record<string, string>} */
export const errors = {
  bad_name: 'Nama terdiri dari huruf, angka dan . _ -', user_not_found: 'Pengguna tidak ada.', wrong_password: 'Kata sandi salah.',
  not_member: 'Bukan anggota grup.', silenced: 'Anda tidak boleh menulis untuk sementara.', announce_only: 'Hanya pemilik dan moderator yang menulis.', realm_not_found: 'Realm itu tidak terhubung.',
  link_full: 'Terlalu banyak yang menunggu untuk realm itu.', forbidden: 'Tidak diizinkan.', too_long: 'Terlalu panjang.',
};
