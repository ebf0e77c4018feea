/** Writes docs/configuration.md from the schema of the configuration: `node --import tsx scripts/configReference.ts`. */

import { writeFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { ClientSchema } from '../src/config/clientSchema.ts';
import { configJsonSchema, type JsonSchema, profileJsonSchema } from '../src/config/jsonSchema.ts';
import { parseConfig, parseWith } from '../src/config/load.ts';

const FILE = fileURLToPath(new URL('../docs/configuration.md', import.meta.url));

/** What the sections are about, in the order of the page. */
const SECTIONS: Readonly<Record<string, string>> = {
  ike: 'IPsec: keys, algorithms and lifetimes of IKE and ESP.',
  'ike.secrets[]': 'Pre-shared keys of single peers.',
  'ike.ppk': 'Post-quantum pre-shared keys of IKEv2 ([ikev2.md](ikev2.md#post-quantum-pre-shared-keys)).',
  'ike.ppk.keys[]': 'One of them.',
  'ike.resumption': 'Clients of IKEv2 that come back ([ikev2.md](ikev2.md#resumption)).',
  certificates:
    'Certificates for IKE: ours, and whom we trust ([certificates.md](certificates.md)). Relative paths count from the configuration file.',
  'certificates.more[]': 'A further certificate of ours.',
  l2tp: 'The tunnels inside IPsec.',
  ppp: 'The links of users inside the tunnels.',
  eap: 'How users prove themselves by EAP, in PPP and in IKEv2.',
  remote_access: 'Tunnels of IKEv2 without L2TP ([remote-access.md](remote-access.md)).',
  redirect: 'Sending clients of IKEv2 to another gateway ([remote-access.md](remote-access.md#several-gateways)).',
  'redirect.users[]': 'The gateway of one user.',
  network: 'What users get, and where their traffic goes.',
  retry: 'When a client with `persist` tries again.',
  limits: 'How much the gateway takes on.',
  times: 'How long each step of a connection may take.',
  'listeners[]':
    'A local address with rules of its own, e.g. the `legacy` profile for old devices on one address alone. Its `ike` section has the keys of `ike` above, with the same defaults: nothing is inherited.',
};

const EXAMPLE = `# sallyport.yaml
ike:
  psk_file: office.psk              # beside this file, mode 0600
  profile: compatible
  secrets:
    - address: 198.51.100.0/24      # the branch office has a key of its own
      psk_file: branch.psk

network:
  pool: 10.87.0.0/24
  gateway_address: 10.87.0.1
  dns: [192.0.2.53]
  client_to_client: false

ppp:
  authentication: [ms-chap-v2]

listeners:
  - address: 192.0.2.7              # old devices connect here, and here alone
    ike:
      profile: legacy
      psk_file: legacy.psk
`;

const PROFILE = `# ~/.config/sallyport/office.yaml
server: vpn.example.org
user: ann
password_file: /etc/sallyport/office.password
psk_file: /etc/sallyport/office.psk
routes: [10.0.0.0/8]
dns: true
`;

/** The schema says it of every span of time; the page says it once. */
const SPAN_NOTE = ' A number of seconds, or with s, m, h, d.';

/** The page as it should be. */
export function configReference(): string {
  parseConfig(EXAMPLE, 'the example');
  parseWith(ClientSchema, PROFILE, 'the profile');
  const schema = configJsonSchema();
  return `# Configuration

The gateway reads a YAML file: \`sallyport serve -c sallyport.yaml\`. Every key may be left out; without a file the
gateway runs on the defaults below, with a generated pre-shared key and a first user. \`sallyport config check\` says of
every mistake where it stands and what was likely meant. \`sallyport config schema\` prints the JSON Schema for editors.
Both know the [profiles](#profiles-of-sallyport-connect) of clients too.

\`\`\`yaml
${EXAMPLE}\`\`\`

Secrets may stand in files of their own (\`…_file\`, mode 0600); their names count from the configuration file.
A span of time is a number of seconds, or a number with \`s\`, \`m\`, \`h\` or \`d\`: \`90\`, \`90s\`, \`15m\`, \`8h\`, \`1d\`.

## Top level

${tableOf(schema)}
${sectionsOf(schema, '')}
## Profiles of \`sallyport connect\`

\`sallyport connect office\` reads \`~/.config/sallyport/office.yaml\`, or any YAML file that is named. What the command
line says goes before what the profile says; relative file names count from the working directory.
\`sallyport config check office\` says what is wrong with it, and \`sallyport config schema --for connect\` prints its JSON
Schema.

\`\`\`yaml
${PROFILE}\`\`\`

${tableOf(profileJsonSchema())}
${sectionsOf(profileJsonSchema(), '')}`.replace(/\n{3,}/g, '\n\n');
}

function sectionsOf(schema: JsonSchema, path: string): string {
  return Object.entries(schema.properties ?? {})
    .map(([key, value]) => {
      const { at, section } = sectionAt(path === '' ? key : `${path}.${key}`, value);
      // The section of a listener is the one of the top level again.
      if (section === undefined || SECTIONS[at] === undefined) return '';
      return `\n## \`${at}\`\n\n${SECTIONS[at]}\n\n${tableOf(section)}\n${sectionsOf(section, at)}`;
    })
    .join('');
}

function sectionAt(path: string, { properties, items, ...rest }: JsonSchema): { at: string; section?: JsonSchema } {
  if (properties !== undefined) return { at: path, section: { ...rest, properties } };
  return items?.properties === undefined ? { at: path } : { at: `${path}[]`, section: items };
}

function tableOf({ properties = {}, required = [] }: JsonSchema & { required?: readonly string[] }): string {
  const rows = Object.entries(properties).map(([key, value]) => {
    const fallback = required.includes(key) ? 'required' : defaultText(value);
    return `| \`${key}\` | ${typeText(value)} | ${fallback} | ${meaning(key, value)} |`;
  });
  return ['| Key | Type | Default | Meaning |', '|---|---|---|---|', ...rows].join('\n');
}

function typeText(schema: JsonSchema): string {
  const { type, items, minimum, maximum, maxItems } = schema;
  if (schema.properties !== undefined) return 'section';
  if (schema.enum !== undefined) return schema.enum.map((word) => `\`${word}\``).join(', ');
  if (isSpan(schema)) return schema.description?.includes('Bits a second') ? 'rate' : 'span of time';
  if (type === 'array') {
    if (items?.properties !== undefined) return 'list of sections';
    return `list of ${items?.enum === undefined ? 'text' : typeText(items)}${maxItems === undefined ? '' : `, ${maxItems} at most`}`;
  }
  if (type === 'integer') return `whole number ${range(minimum, maximum)}`.trim();
  if (type === 'boolean') return '`true`, `false`';
  return schema.minLength !== undefined && schema.minLength > 1
    ? `text, ${schema.minLength} characters or more`
    : 'text';
}

/** Written `90` or `15m`. */
function isSpan({ type, anyOf }: JsonSchema): boolean {
  const types = [type, ...(anyOf ?? []).map((one) => one.type)].flat();
  return types.includes('string') && types.includes('number');
}

function range(minimum: number | undefined, maximum: number | undefined): string {
  const bounded = maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER;
  if (minimum === undefined) return bounded ? `up to ${maximum}` : '';
  return bounded ? `${minimum}–${maximum}` : `from ${minimum}`;
}

function defaultText(schema: JsonSchema): string {
  const { default: fallback } = schema;
  if (fallback === undefined || schema.properties !== undefined) return '–';
  if (Array.isArray(fallback)) return fallback.length === 0 ? 'none' : `\`[${fallback.join(', ')}]\``;
  return `\`${String(fallback)}\``;
}

function meaning(key: string, schema: JsonSchema): string {
  const text = schema.description ?? SECTIONS[key] ?? SECTIONS[`${key}[]`] ?? '';
  if (text === '' && schema.properties !== undefined) return 'As above.';
  return text.replace(SPAN_NOTE, '').replace(/\s+/g, ' ').replaceAll('|', '\\|');
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  writeFileSync(FILE, configReference());
  console.log('Wrote docs/configuration.md.');
}
