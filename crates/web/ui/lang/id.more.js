/** @type {Record<keyof typeof import('./en.more.js').texts, string>} */
export const texts = {
  emojiName: 'Cari emoji', to: 'Kepada', toExample: 'amy, amy@beta, #grup atau #grup@beta', toHint: 'Pengguna atau grup, di sini atau di realm lain.', groupPassword: 'Kata sandi, jika ada',
  joinGroup: 'Bergabung', makeGroup: 'Buat grup ini', otherGroups: 'Grup lain', switchTo: 'Buka', nothing: 'Tidak ditemukan.',
  done: 'Selesai.', later: 'Terjadi setelah realm-nya terhubung.', unmute: 'Jangan senyapkan lagi', block: 'Blokir', unblock: 'Buka blokir', blockSure: 'Blokir {0}? Tulisannya tidak ditampilkan lagi.',
  topic: 'Topik', save: 'Simpan', user: 'Pengguna', ban: 'Larang', unban: 'Cabut larangan', leave: 'Keluar dari grup', leaveSure: 'Keluar dari {0}?',
  closeGroup: 'Tutup grup', closeSure: 'Tutup {0} untuk semua? Semua pesannya hilang.', groupSettings: 'Pengaturan', entry: 'Siapa boleh bergabung',
  entry_open: 'siapa saja', entry_password: 'yang tahu kata sandi', entry_invite: 'yang ditambahkan', listed: 'Tampil di daftar grup', roomRealms: 'Realm yang penggunanya boleh masuk: none, linked, atau namanya', announce: 'Hanya pemilik dan moderator menulis',
  writeTo: 'Tulis pesan', makeModerator: 'Jadikan moderator', makeMember: 'Jadikan anggota biasa', makeOwner: 'Serahkan grup', minutes: 'Selama berapa menit', silence: 'Bungkam', unsilence: 'Boleh menulis lagi', kick: 'Keluarkan dari grup',
  displayName: 'Nama tampilan', about: 'Tentang Anda', awayText: 'Tidak di tempat, karena', goAway: 'Saya pergi', comeBack: 'Saya kembali',
  themeSystem: 'Sistem', themeLight: 'Terang', themeDark: 'Gelap', notifyOn: 'Beri tahu saya', notifyOff: 'Jangan beri tahu', notifyDenied: 'Tidak diizinkan peramban.',
  oldPassword: 'Kata sandi sekarang', newPassword: 'Kata sandi baru', changePassword: 'Ganti kata sandi',
  sessions: 'Tempat Anda masuk', unnamed: 'Sebuah program', used: 'terakhir {0}', thisOne: 'yang ini',
  realms: 'Realm terhubung', noRealms: 'Belum terhubung dengan realm lain.', refresh: 'Lihat lagi', since: 'sejak {0}', owed: '{0} pesan menunggu dikirim', counts: '{0} terkirim, {1} diterima', clock: 'jamnya berbeda {0} detik',
  approve: 'Setujui', removeSure: 'Putuskan hubungan dengan {0}?', addRealm: 'Hubungkan realm', host: 'Alamat', port: 'Port', key: 'Kuncinya, sha256:… (jika ada)',
  invitations: 'Undangan', inviteRealm: 'Buat undangan untuk realm', invitation: 'Undangan yang diterima', join: 'Hubungkan',
  link_up: 'tersambung', link_down: 'terputus', link_waiting: 'menunggu', link_refused: 'ditolak', link_removed: 'diakhiri di sana',
  searchHere: 'Cari di sini', markUnread: 'Tandai belum dibaca', toLatest: 'Ke akhir',
  asks_approval: 'Administratornya meminta hubungan ini. Cocokkan kuncinya dengan yang mereka sebut, lalu setujui.', awaits_approval: 'Harus disetujui di sana. Mintalah kepada administratornya.',
  fix_down: 'Dipanggil lagi secara otomatis, dan tidak ada yang hilang. Apakah realm itu berjalan? Apakah alamat dan portnya benar dan terbuka?', fix_refused: 'Realm itu menjawab, tetapi lain dari yang diharapkan. Jika kunci atau namanya baru, tanyakan kepada administratornya dan hubungkan lagi dengan kunci itu.',
  fix_removed: 'Hubungan diakhiri di sana. Hapus di sini, atau hubungkan lagi jika keduanya mau.', fix_clock: 'Jam salah satu realm salah. Samakan keduanya dengan waktu jaringan.', callsItself: 'Realm itu menyebut dirinya {0}, dan nama itu sudah dipakai realm lain di sini.',
  uploads: 'File yang akan dikirim', uploading: 'Mengunggah {0}', cancelUpload: 'Batalkan {0}', uploadLost: 'Tidak terkirim: halaman ditutup sebelum selesai diunggah. Lampirkan lagi.', waitsForConnection: 'Dikirim setelah tersambung.', goesWith: 'Ikut dengan pesan yang sedang ditulis.',
  tooLarge: 'Terlalu besar: file paling banyak {0}.', noRoom: 'Sudah terlalu banyak yang diunggah: realm ini belum bisa menerima lagi.', diskFull: 'Disk realm ini penuh.', unreadable: 'Tidak bisa dibaca. Folder tidak bisa dikirim.',
  download: 'Unduh', downloadOf: 'Unduh {0}', notNow: 'Belum tersedia saat ini.', notShown: 'Tidak bisa ditampilkan di sini.',
  people: 'Orang', waitsSince: 'yang tertua {0} menit',
  close: 'Tutup', oldBlanks: 'Kata sandi dengan spasi hanya bisa diganti oleh administrator.', invitedAs: 'Undangan itu untuk {0}, dan Anda di sini sebagai {1}. Keluarlah untuk memakainya.', start: 'Mulai', more: 'Lagi', invite: 'Tambahkan', owner: 'pemilik', moderator: 'moderator', member: 'anggota', profile: 'Profil', page: 'Halaman ini', theme: 'Tema', language: 'Bahasa', end: 'Akhiri', realm: 'Namanya', mute: 'Senyapkan',
  actions: 'Tindakan', react: 'Reaksi', reply: 'Balas', edit: 'Ubah', delete: 'Hapus', remove: 'Hapus', deleteOther: 'Hapus tulisan {0}?', wasDeleted: 'Dihapus.', takeBack: 'Ambil kembali teksnya',
  member_joined: '{0} masuk grup', member_left: '{0} keluar', member_kicked: '{0} dikeluarkan oleh {1}', member_banned: '{0} dilarang oleh {1}', member_role: 'Peran {0} diubah oleh {1}', member_silenced: 'Izin menulis {0} diubah oleh {1}',
};

/** @type {Record<string, string>} */
export const errors = {
  bad_invitation: 'Undangan ini sudah dipakai atau terlalu lama. Mintalah yang baru.', bad_parameters: 'Belum lengkap atau tidak benar.', limit_reached: 'Batas tercapai.', file_not_found: 'File itu tidak ada lagi.', 
};
