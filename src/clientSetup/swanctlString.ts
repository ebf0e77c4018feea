/** Strings in strongSwan's settings format. strongswan.conf(5). */

export function swanctlString(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}
