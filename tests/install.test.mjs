// What `make install` and `make deb` put where, what it is good for there, and
// what `make uninstall` leaves.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdtempSync, readFileSync,
	readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { until } from './http/fixtures.mjs';
import { build } from './http/harness.mjs';
import { atEnd, start } from './http/runner.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const path = `${process.env.PATH}:/usr/sbin:/sbin`;

function run(words, options = {}) {
	const { env, ...others } = options;
	const result = spawnSync(words[0], words.slice(1), {
		encoding: 'utf8', cwd: root, ...others,
		env: { ...process.env, PATH: path, BUILD: relative(root, build),
			...env },
	});
	assert.equal(result.error, undefined);
	return result;
}

function done(words, options) {
	const { status, stdout, stderr } = run(words, options);
	assert.equal(status, 0, `${words.join(' ')}: ${stderr}`);
	return stdout;
}

function makeFolder(t) {
	const folder = mkdtempSync(join(tmpdir(), 'install-'));
	atEnd(t, () => rmSync(folder, { recursive: true }));
	return folder;
}

// Every file below a folder, as its path from there.
const files = (folder) => readdirSync(folder, { withFileTypes: true })
	.flatMap((entry) => entry.isDirectory()
		? files(join(folder, entry.name)).map((file) =>
			join(entry.name, file))
		: [entry.name]).sort();

// An installation below a folder of its own, as if it were the host's.
function makeInstalled(t) {
	const folder = makeFolder(t);
	const env = { PREFIX: join(folder, 'usr'), DESTDIR: '',
		SYSCONFDIR: join(folder, 'etc') };
	const call = (what) => run(['scripts/install', what], { env });
	assert.equal(call('install').stderr, '');
	return { folder, call, at: (...names) => join(folder, ...names) };
}

async function freePort() {
	const probe = createServer();

	await new Promise((resolve) => { probe.listen(0, '127.0.0.1', resolve); });
	const { port } = probe.address();
	await new Promise((resolve) => { probe.close(resolve); });
	return port;
}

// What an administrator has besides the site, with a site of his own: the logs
// are those of Debian, or tell more.
const sites = {
	nginx: {
		settings: ({ folder, at }, port) => `pid ${at('pid')};
			daemon off;
			master_process off;
			error_log ${at('error')} info;
			events {}
			http {
				access_log ${at('access')};
				${['client_body', 'fastcgi', 'proxy', 'scgi', 'uwsgi']
					.map((name) => `${name}_temp_path ${folder};`)
					.join('\n')}
				include ${at('usr/share/intentd/nginx/example.conf')};
				server {
					listen 127.0.0.1:${port};
					server_name other;
					return 200;
				}
			}`,
		command: (file) => ['/usr/sbin/nginx', '-e', 'stderr', '-c', file],
		quiet: ['-q'],
		says: '',
	},
	apache: {
		settings: ({ folder, at }, port) => `ServerRoot ${folder}
			ServerName example
			Listen 127.0.0.1:${port}
			PidFile ${at('pid')}
			DefaultRuntimeDir ${folder}
			${['mpm_event', 'authz_core', 'authz_host',
				...readFileSync(at('etc/intentd/apache.conf'), 'utf8')
					.match(/a2enmod ([^<]*)/)[1]
					.replace(/[#\\]/g, '').trim().split(/\s+/)]
				.map((name) => `LoadModule ${name}_module ` +
					`/usr/lib/apache2/modules/mod_${name}.so`).join('\n')}
			ErrorLog ${at('error')}
			LogLevel info
			CustomLog ${at('access')} "%h %u %r"
			<VirtualHost *:${port}>
				Include ${at('etc/intentd/apache.conf')}
			</VirtualHost>
			<VirtualHost *:${port}>
				ServerName other
			</VirtualHost>`,
		// It does not serve as root; another user may not look here.
		command: (file) => [...process.getuid() === 0 ? ['setpriv',
			'--reuid=www-data', '--regid=www-data', '--clear-groups',
			'--inh-caps=+dac_override', '--ambient-caps=+dac_override',
			'--pdeathsig', 'TERM'] : [],
		'/usr/sbin/apache2', '-DFOREGROUND', '-f', file],
		quiet: [],
		says: 'Syntax OK\n',
	},
};

// The site that was installed, with all its paths here, and what logs besides
// it: all that is written is in the folder.
async function makeSite(t, { settings, command }) {
	const { folder, at } = makeInstalled(t);
	const port = await freePort();

	for (const file of files(folder)
		.filter((name) => /\/(nginx|apache)\b.*conf$/.test(name)))
		writeFileSync(at(file), readFileSync(at(file), 'utf8')
			.replace(/\/var\/log\/(nginx|apache2)/g, folder)
			.replaceAll('/run/intentd', folder)
			.replaceAll('"/usr/share', `"${at('usr/share')}`)
			.replaceAll('127.0.0.1:8080 ', `127.0.0.1:${port} `));
	writeFileSync(at('server.conf'), settings({ folder, at }, port));
	return { folder, at, port, command: command(at('server.conf')) };
}

// The status of the answer; 0: nobody listens.
const ask = (port, path, headers) => new Promise((resolve) => {
	request({ port, path, headers, host: '127.0.0.1', agent: false },
		(answer) => {
			answer.resume().on('end', () => resolve(answer.statusCode));
		}).on('error', () => resolve(0)).end();
});

// A request with a secret wherever a client may put one.
const tell = (port, path) => ask(port, `${path}?client_secret=SENTINEL`, {
	host: 'intentd', authorization: `Basic ${btoa('SENTINEL:')}`,
	referer: 'http://shop.invalid/?SENTINEL' });

// The targets of the table, where each source is one file.
const targets = readFileSync(join(root, 'scripts/install-files'), 'utf8')
	.split('\n').filter((line) => /^\w/.test(line))
	.map((line) => line.split(/\s+/))
	.filter(([, , source]) => !source.includes('*'))
	.map(([, mode, , target]) => ({ mode: parseInt(mode, 8),
		path: target.replace('@PREFIX@', 'usr')
			.replace('@SYSCONFDIR@', 'etc') }));

describe('make install', () => {
	test('puts every file of the table, with its mode', (t) => {
		const { folder, at } = makeInstalled(t);
		// The rows with a * in them.
		const units = files(folder).filter((file) =>
			file.startsWith('usr/lib/systemd/') || file.endsWith('.asis'));
		assert.deepEqual(files(folder),
			[...targets.map((target) => target.path), ...units].sort());
		for (const target of targets)
			assert.equal(statSync(at(target.path)).mode & 0o7777,
				target.mode, target.path);
		for (const name of ['intentd', 'intentctl'])
			assert.match(done([at('usr/sbin', name), '--version']),
				new RegExp(`^${name} \\d`));
	});

	test('stays below DESTDIR, and names the paths without it', (t) => {
		const folder = makeFolder(t);
		done(['make', 'install', `DESTDIR=${folder}`]);
		assert.deepEqual(readdirSync(folder).sort(), ['etc', 'usr']);
		assert.deepEqual(readdirSync(join(folder, 'usr')), ['local']);
		assert.match(readFileSync(join(folder,
			'usr/local/share/intentd/nginx/http.conf'), 'utf8'),
		/include "\/usr\/local\/share\/intentd\/nginx\/errors.conf";/);
	});

	test('leaves no word of a template and no build folder', (t) => {
		const { folder, at } = makeInstalled(t);
		for (const file of files(folder)) {
			if (file.startsWith('usr/sbin'))
				continue;
			const text = readFileSync(at(file), 'utf8');
			assert.doesNotMatch(text, /@[A-Z_]+@/, file);
			assert.ok(!text.includes(root), file);
		}
	});

	test('gives settings in which every line is a comment', (t) => {
		const { at } = makeInstalled(t);
		const file = at('etc/intentd/intentd.conf');
		assert.doesNotMatch(readFileSync(file, 'utf8'), /^[^#\n]/m);
		assert.equal(done([at('usr/sbin/intentd'), '--config', file,
			'--print-config']),
		done([at('usr/sbin/intentd'), '--print-config']));
		// As a file without its comment marks it says the same.
		writeFileSync(file, readFileSync(file, 'utf8')
			.replace(/^#(?=[a-z_]+ = )/gm, ''));
		assert.equal(done([at('usr/sbin/intentd'), '--config', file,
			'--print-config']), readFileSync(file, 'utf8'));
	});

	for (const [name, site] of Object.entries(sites))
		test(`gives a site that ${name} takes, with no secret in a log`,
			async (t) => {
				const { folder, at, port, command } =
					await makeSite(t, site);
				const check = run([...command, '-t', ...site.quiet]);
				assert.equal(check.stderr, site.says);
				assert.equal(check.status, 0);
				const server = start(t, command[0], command.slice(1));
				await until(() => ask(port, '/other', { host: 'other' }),
					(status) => status !== 0);
				// Nobody is behind it, of which there is an error.
				for (const path of ['/v1/payment_intents/pi_1', '/status',
					'/healthz', '/docs/errors/card', '/v1/%00'])
					assert.notEqual(await tell(port, path), 0);
				server.child.kill('SIGTERM');
				await server.ended;
				assert.match(readFileSync(at('access'), 'utf8'),
					/GET \/other/);
				assert.match(readFileSync(at('intentd.refusals.log'),
					'utf8'), /request=req_\w+ status=50[23] /);
				for (const file of files(folder))
					assert.ok(!readFileSync(at(file), 'latin1')
						.includes('SENTINEL'), file);
			});

	test('keeps settings that somebody has changed', (t) => {
		const { call, at } = makeInstalled(t);
		const file = at('etc/intentd/intentd.conf');
		appendFileSync(file, 'workers = 2\n');
		const { status, stderr } = call('install');
		assert.equal(status, 0);
		assert.equal(stderr, `install: ${file} was changed and is kept\n`);
		assert.match(readFileSync(file, 'utf8'), /^workers = 2$/m);
	});

	test('refuses a prefix that settings cannot hold', () => {
		for (const PREFIX of ['usr', '/a b', '/a,b', '/a"b']) {
			const { status, stderr } = run(['scripts/install',
				'install'], { env: { PREFIX } });
			assert.equal(status, 1);
			assert.match(stderr, /^install: not an absolute path/);
		}
	});
});

describe('make uninstall', () => {
	test('takes away all that was put there', (t) => {
		const { folder, call, at } = makeInstalled(t);
		assert.equal(call('uninstall').stderr, '');
		assert.deepEqual(files(folder), []);
		assert.ok(!existsSync(at('etc/intentd')));
		assert.ok(!existsSync(at('usr/share/intentd')));
	});

	test('leaves changed settings and what others have put there', (t) => {
		const { folder, call, at } = makeInstalled(t);
		const kept = ['etc/intentd/intentd.conf', 'etc/intentd/mine',
			'usr/sbin/other', 'usr/share/intentd/docs/mine.html'];
		for (const file of kept)
			appendFileSync(at(file), 'mine\n');
		assert.equal(call('uninstall').stderr, 'uninstall: ' +
			`${at('etc/intentd/intentd.conf')} was changed and is kept\n`);
		assert.deepEqual(files(folder), kept);
	});
});

describe('the manual pages', () => {
	const pages = readdirSync(join(build, 'man'))
		.filter((name) => /\.\d$/.test(name));
	const page = (name) => readFileSync(join(build, 'man', name), 'utf8');

	// A page that another one names is looked for among those installed.
	for (const name of pages)
		test(`${name} has nothing that mandoc's linter would change`, () => {
			const { stdout } = run(['mandoc', '-T', 'lint', '-W', 'style',
				join(build, 'man', name)]);
			assert.deepEqual(stdout.split('\n').filter((line) => line &&
				!line.includes('referenced manual not found')), []);
		});

	test('are those that there are', () =>
		assert.deepEqual(pages.sort(),
			['intentctl.8', 'intentd.8', 'intentd.conf.5']));

	test('have every setting', () => {
		const names = [...done([join(build, 'intentd'), '--print-config'])
			.matchAll(/^([a-z_]+) = /gm)].map(([, name]) => name);
		assert.ok(names.length > 20);
		assert.deepEqual([...page('intentd.conf.5')
			.matchAll(/^\.It Cm ([a-z_]+) No =/gm)]
			.map(([, name]) => name), names);
	});

	test('have every command', () => {
		const names = [...done([join(build, 'intentctl'), 'help'])
			.matchAll(/^ {2}([a-z]+(?: [a-z]+)*) {2,}[A-Z]/gm)]
			.map(([, name]) => name);
		assert.ok(names.length > 10);
		assert.deepEqual([...page('intentctl.8')
			.matchAll(/^\.Ic "\\&([a-z ]+)"$/gm)]
			.map(([, name]) => name), names);
	});

	test('have every signal', () =>
		assert.deepEqual([...page('intentd.8').matchAll(/^\.It Dv SIG(\w+)$/gm)]
			.map(([, name]) => name),
		[...readFileSync(join(root, 'app/signals.def'), 'utf8')
			.matchAll(/^SIGNAL\((\w+),/gm)].map(([, name]) => name)));
});

describe('make deb', () => {
	const package_ = done(['scripts/deb']).trim();
	const file = join(root, package_);

	test('gives the same bytes again', () => {
		const before = readFileSync(file);
		done(['scripts/deb']);
		assert.ok(readFileSync(file).equals(before));
	});

	test('holds what is installed, owned by root', (t) => {
		const rows = done(['dpkg-deb', '-c', file]).trim().split('\n')
			.map((line) => line.split(/\s+/));
		for (const [, owner, , , , name] of rows)
			assert.equal(owner, 'root/root', name);
		const names = rows.map(([, , , , , name]) => name);
		for (const target of targets) {
			const packed = /\/man\d\//.test(target.path)
				? `${target.path}.gz` : target.path;
			assert.ok(names.includes(`./${packed}`), packed);
		}
		const folder = makeFolder(t);
		done(['dpkg-deb', '-x', file, folder]);
		assert.equal(done([join(folder, 'usr/sbin/intentd'), '--version']),
			done([join(build, 'intentd'), '--version']));
		for (const name of files(folder))
			assert.equal(statSync(join(folder, name)).mode & 0o7777,
				name.startsWith('usr/sbin/') ? 0o755 : 0o644, name);
	});

	test('depends on the packages of its libraries', () => {
		const depends = done(['dpkg-deb', '-f', file, 'Depends'])
			.split(/,\s*/).map((row) => row.split(' ')[0].trim());
		const libraries = new Set(['intentd', 'intentctl'].flatMap((name) =>
			done(['readelf', '-d', join(build, name)])
				.match(/(?<=NEEDED.*\[)[^\]]+/g)));
		const found = done(['dpkg-query', '-S', ...[...libraries]
			.map((library) => `*/${library}`)]).split('\n');
		for (const library of libraries)
			assert.ok(found.some((line) => line.endsWith(`/${library}`) &&
				depends.includes(line.split(':')[0])), library);
	});

	test('takes the settings for the administrator\'s', (t) => {
		const folder = makeFolder(t);
		done(['dpkg-deb', '-e', file, folder]);
		assert.deepEqual(readFileSync(join(folder, 'conffiles'), 'utf8')
			.trim().split('\n').sort(), targets
			.filter((target) => target.path.startsWith('etc/'))
			.map((target) => `/${target.path}`).sort());
	});

	test('has nothing that lintian would say', () =>
		assert.equal(done(['lintian', '--tag-display-limit', '0',
			'--allow-root', file]), ''));
});

test('make install names no file twice', () =>
	assert.equal(new Set(targets.map((target) => target.path)).size,
		targets.length));
