/** `sallyport ca …`: a small certificate authority, so that gateway and clients have certificates in a minute. */

import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { Command, Option } from 'commander';
import type {
  CaKeyKind,
  CertificateAuthority,
  CertificateRole,
  IssuedCertificate,
} from '../process/certificateAuthority.ts';
import { UsageError } from './explain.ts';
import { type StateOptions, stateOption } from './state.ts';
import { localTime, table } from './table.ts';
import { wholeNumber } from './wholeNumber.ts';

const KEPT = `
The authority lies in the directory "ca" of the state directory: ca.crt is its certificate, ca.key its
key (0600), ca.crl the list of what it revoked, issued/ what it issued. Whoever reads ca.key can make
certificates that your gateway believes: back it up, and keep it from others.`;

/** What the server certificates of common systems are allowed, see docs/certificates.md. */
const SERVER_DAYS = 825;
const CLIENT_DAYS = 825;
const ROOT_DAYS = 3650;

const wholeDays = wholeNumber(1, 36_500, 'It takes 1 to 36500 days.');

const keyOption = () =>
  new Option('--key <kind>', 'kind of key; RSA for Windows and old devices, whose IKEv1 knows no other')
    .choices(['p256', 'p384', 'rsa3072', 'rsa4096'] satisfies CaKeyKind[])
    .default('p256');

export function caCommand(): Command {
  return new Command('ca')
    .description('make, revoke and hand out certificates with an authority of your own')
    .addHelpText(
      'after',
      `${KEPT}

Examples:
  $ sallyport ca init --server vpn.example.org       the authority, and this gateway's certificate
  $ sallyport ca issue ann                           a certificate for the user ann`,
    )
    .addCommand(initCommand())
    .addCommand(issueCommand())
    .addCommand(revokeCommand())
    .addCommand(listCommand())
    .addCommand(exportCommand());
}

function initCommand(): Command {
  return new Command('init')
    .description('make the authority, and a server certificate where --server names one')
    .option('--name <name>', 'name of the authority, as clients show it', 'Sallyport CA')
    .option('--server <names...>', 'names and addresses of this gateway: issues its certificate too')
    .addOption(keyOption())
    .option('--days <days>', 'how long the authority lasts', wholeDays, ROOT_DAYS)
    .addOption(stateOption())
    .addHelpText(
      'after',
      `${KEPT}

Examples:
  $ sallyport ca init --server vpn.example.org 203.0.113.1
  $ sallyport ca init --key rsa3072 --name "Example VPN CA"`,
    )
    .action(init);
}

interface InitOptions extends StateOptions {
  readonly name: string;
  readonly server?: string[];
  readonly key: CaKeyKind;
  readonly days: number;
}

async function init({ name, server, key, days, ...options }: InitOptions): Promise<void> {
  const [{ CertificateAuthority }, directory] = await Promise.all([
    import('../process/certificateAuthority.ts'),
    directoryOf(options, true),
  ]);
  const authority = CertificateAuthority.init(directory, { name, key, days });
  console.log(
    `Made the authority ${JSON.stringify(name)} in ${directory}, valid until ${dayOf(authority.root.notAfter)}.`,
  );
  const [first, ...names] = server ?? [];
  if (first !== undefined) issueServer(authority, { name: first, names, key, days: Math.min(SERVER_DAYS, days) });
}

function issueCommand(): Command {
  return new Command('issue')
    .description('issue a certificate for a user, or with --server for a gateway')
    .argument('<name>', 'user or e-mail address; with --server the name or address of the gateway')
    .option('--server', 'a certificate for a gateway, which uses the last one')
    .option('--also <names...>', 'further host names, addresses or e-mail addresses')
    .addOption(keyOption())
    .option('--days <days>', 'how long it is valid', wholeDays, CLIENT_DAYS)
    .option('--out <file>', 'write the PKCS #12 file of a client there (default: NAME.p12 in this directory)')
    .option('--modern', 'encrypt it with AES-256, which macOS, iOS and Windows before 10 (1809) cannot read')
    .addOption(stateOption())
    .addHelpText(
      'after',
      `
Examples:
  $ sallyport ca issue ann@example.org                    writes ann@example.org.p12, prints its password once
  $ sallyport ca issue ann --key rsa3072 --days 365
  $ sallyport ca issue vpn.example.org --server --also 203.0.113.1 2001:db8::1`,
    )
    .action(issue);
}

interface IssueOptions extends StateOptions {
  readonly server?: true;
  readonly also?: string[];
  readonly key: CaKeyKind;
  readonly days: number;
  readonly out?: string;
  readonly modern?: true;
}

async function issue(name: string, { server, also = [], key, days, out, modern, ...options }: IssueOptions) {
  if (out !== undefined) mustHaveDirectory(out);
  const authority = await open(options);
  const wish = { name, names: also, key, days };
  if (server) return issueServer(authority, wish);
  const { entry, file } = authority.issue({ ...wish, role: 'client' });
  console.log(`Issued a certificate for ${name} (serial ${entry.serial}), valid until ${entry.notAfter.slice(0, 10)}.`);
  console.log(`Certificate and key in PEM: ${file}`);
  await writeBox(authority, entry, out ?? `${fileName(name)}.p12`, modern);
}

function issueServer(
  authority: CertificateAuthority,
  wish: { readonly name: string; readonly names: readonly string[]; readonly key: CaKeyKind; readonly days: number },
): void {
  const { entry } = authority.issue({ ...wish, role: 'server' satisfies CertificateRole });
  console.log(`Issued a server certificate for ${entry.names.join(', ')}, valid until ${entry.notAfter.slice(0, 10)}.`);
  console.log(`A gateway with the same state directory uses it, any other one with this in its configuration:

certificates:
  authority: ${authority.directory}`);
}

function revokeCommand(): Command {
  return new Command('revoke')
    .description('revoke all certificates of a name, or the one of a serial; the gateway knows within a minute')
    .argument('<name or serial>')
    .addOption(stateOption())
    .addHelpText(
      'after',
      `
Sessions that are up go on; "sallyport disconnect NAME" ends them.

Examples:
  $ sallyport ca revoke ann@example.org`,
    )
    .action(async (which: string, options: StateOptions) => {
      const authority = await open(options);
      for (const { name, serial } of authority.revoke(which)) console.log(`Revoked ${name} (serial ${serial}).`);
      console.log(`The list of revoked certificates is ${authority.files.crl}.`);
    });
}

function listCommand(): Command {
  return new Command('list')
    .description('list what the authority issued')
    .addOption(stateOption())
    .option('--json', 'print JSON')
    .addHelpText('after', `\nExamples:\n  $ sallyport ca list\n  $ sallyport ca list --json | jq -r '.[].serial'`)
    .action(async ({ json, ...options }: StateOptions & { json?: boolean }) => {
      const issued = (await open(options)).list();
      if (json) console.log(JSON.stringify(issued, null, 2));
      else if (issued.length === 0) console.log('Nothing was issued yet. See `sallyport ca issue --help`.');
      else {
        const rows = issued.map((one) => [one.name, one.role, stateOf(one), localTime(one.notAfter), one.serial]);
        console.log(table(['NAME', 'FOR', 'STATE', 'VALID UNTIL', 'SERIAL'], rows));
      }
    });
}

function exportCommand(): Command {
  return new Command('export')
    .description("hand out a user's certificate again, or the authority's own where no name is given")
    .argument('[name or serial]')
    .addOption(
      new Option('--format <format>', 'p12: with key and authority under a new password; pem: with key; crt: without')
        .choices(['p12', 'pem', 'crt'])
        .default('p12'),
    )
    .option('--crl', 'the list of revoked certificates instead')
    .option('--out <file>', 'file to write; PEM goes to standard output without it')
    .option('--modern', 'encrypt PKCS #12 with AES-256, which macOS, iOS and Windows before 10 (1809) cannot read')
    .addOption(stateOption())
    .addHelpText(
      'after',
      `
Examples:
  $ sallyport ca export > ca.crt                          what clients must trust
  $ sallyport ca export ann@example.org --out ann.p12
  $ sallyport ca export --crl --out /srv/www/ca.crl`,
    )
    .action(exportFiles);
}

interface ExportOptions extends StateOptions {
  readonly format: 'p12' | 'pem' | 'crt';
  readonly crl?: true;
  readonly out?: string;
  readonly modern?: true;
}

async function exportFiles(name: string | undefined, { format, crl, out, modern, ...options }: ExportOptions) {
  if (out !== undefined) mustHaveDirectory(out);
  const authority = await open(options);
  const { readFileSync } = await import('node:fs');
  if (name === undefined || crl) {
    return writeText(readFileSync(crl ? authority.files.crl : authority.files.root, 'utf8'), out, 0o644);
  }
  const entry = authority.find(name);
  if (format === 'p12') return writeBox(authority, entry, out ?? `${fileName(entry.name)}.p12`, modern);
  const text = authority.pemOf(entry);
  const [certificate] = text.split(/(?<=-----END CERTIFICATE-----\n)/);
  return writeText(format === 'pem' ? text : certificate!, out, format === 'pem' ? 0o600 : 0o644);
}

async function writeBox(authority: CertificateAuthority, entry: IssuedCertificate, path: string, modern?: true) {
  const { writeDurably } = await import('../driver/durableFile.ts');
  const { bytes, password } = authority.exportPkcs12(entry, modern ? 'modern' : 'compatible');
  writeDurably(path, bytes, 0o600);
  console.log(`PKCS #12 for the device: ${path}`);
  console.log(`Password: ${password}`);
  console.log('It is shown this once; `sallyport ca export` makes another file with another one.');
}

/** Said before a certificate is issued that then would lie nowhere. @throws UsageError */
function mustHaveDirectory(out: string): void {
  const directory = dirname(out);
  if (!existsSync(directory))
    throw new UsageError(`There is no directory ${directory}. Make it, or name another file.`);
}

async function writeText(text: string, out: string | undefined, mode: number): Promise<void> {
  if (out === undefined) return void process.stdout.write(text);
  const { writeDurably } = await import('../driver/durableFile.ts');
  writeDurably(out, text, mode);
  console.log(`Wrote ${out}.`);
}

const fileName = (name: string): string => name.replace(/[^A-Za-z0-9@._-]/g, '_').replace(/^\./, '_');

const stateOf = ({ revokedAt, notAfter }: IssuedCertificate): string => {
  if (revokedAt !== undefined) return 'revoked';
  return Date.parse(notAfter) < Date.now() ? 'expired' : 'valid';
};

const dayOf = (seconds: number): string => new Date(seconds * 1000).toISOString().slice(0, 10);

async function open(options: StateOptions): Promise<CertificateAuthority> {
  const [{ CertificateAuthority }, directory] = await Promise.all([
    import('../process/certificateAuthority.ts'),
    directoryOf(options, false),
  ]);
  return CertificateAuthority.open(directory);
}

/** @param make whether a state directory that is not there yet is made */
async function directoryOf({ state }: StateOptions, make: boolean): Promise<string> {
  const { join, resolve } = await import('node:path');
  const { defaultStateDirectory, StateDirectory } = await import('../process/stateDirectory.ts');
  const path = state ?? defaultStateDirectory();
  return resolve(make ? new StateDirectory(path).authority : join(path, 'ca'));
}
