// One door per library: its headers are included in one file, named here.
import { findLines } from './tree.mjs';

const doors = [
	{ library: 'json-c', headers: /^json(-c\/|_|\.h$)/, door: 'lib/api/json.c' },
	{ library: 'lmdb', headers: /^lmdb\.h$/, door: 'lib/store/lmdb_environment.h' },
	{ library: 'libfcgi', headers: /^(fastcgi\/)?(fcgi|fastcgi)/, door: 'app/fastcgi.c' },
	{ library: 'libcurl', headers: /^curl\//, door: 'app/webhook.c' },
	{ library: 'inih', headers: /^ini\.h$/, door: 'app/settings.c' },
	{ library: 'libssl', headers: /^openssl\/ssl\.h$/, door: 'app/webhook_guard.c' },
	{ library: 'OpenSSL', headers: /^openssl\//, door: 'lib/base/digest.c' },
	{ library: 'zlib', headers: /^zlib\.h$/, door: 'lib/base/digest.c' },
	{ library: 'nettle', headers: /^nettle\//, door: 'lib/base/keccak.c' },
	{ library: 'libsecp256k1', headers: /^secp256k1/, door: 'lib/base/hd_key.c' },
	{ library: 'libqrencode', headers: /^qrencode\.h$/, door: 'lib/api/qr.c' },
	{ library: 'libsystemd', headers: /^systemd\//, door: 'app/notify.c' },
	{ library: 'libmicrohttpd', headers: /^microhttpd\.h$/, door: 'app/status_http.c' },
	{ library: 'libseccomp', headers: /^seccomp\.h$/, door: 'app/confine.c' },
	{ library: 'Landlock', headers: /^linux\/landlock\.h$/, door: 'app/confine_files.c' },
	{ library: 'libpng', headers: /^(libpng\d*\/)?png(conf)?\.h$/, door: 'lib/api/qr.c' },
];

export function checkDoors(tree) {
	return tree.program.flatMap((file) => findLines(file, file.code,
		/^\s*#\s*include\s+<([^>]+)>/, ([, header]) => {
			const found = doors.find(
				({ headers }) => headers.test(header));

			return found && found.door !== file.path &&
				`${found.library} is used in ${found.door} alone`;
		}));
}
