// Certificates for tests, made with the openssl command line.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

// Makes `name`.pem and `name`.key in a folder: a certificate with `names` (as
// subjectAltName has them), signed by `issuer`, which was made before with
// `authority`, or else by itself.  Returns both paths.
export function makeCertificate(folder, name,
	{ names = [], authority = false, issuer } = {}) {
	const made = { certificate: join(folder, `${name}.pem`),
		key: join(folder, `${name}.key`) };

	execFileSync('openssl', ['req', '-x509', '-newkey', 'ec',
		'-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes',
		'-days', '1', '-subj', `/CN=intentd test ${name}`,
		'-addext', `basicConstraints=critical,CA:${authority}`,
		...names.length > 0 ?
			['-addext', `subjectAltName=${names.join(',')}`] : [],
		...issuer ?
			['-CA', issuer.certificate, '-CAkey', issuer.key] : [],
		'-keyout', made.key, '-out', made.certificate],
	{ stdio: ['ignore', 'ignore', 'pipe'] });
	return made;
}
