/** Windows 10 and 11: a PowerShell script that sets the connection up, with what its defaults get wrong. */

import { base64, type ClientSetup, deleteStep, fileName, needed, type SetupFacts } from './facts.ts';

/** EAP-MSCHAPv2 (method 26), with the user's own name and password rather than those of the Windows logon. */
const EAP_MSCHAPV2 =
  '<EapHostConfig xmlns="http://www.microsoft.com/provisioning/EapHostConfig"><EapMethod>' +
  '<Type xmlns="http://www.microsoft.com/provisioning/EapCommon">26</Type>' +
  '<VendorId xmlns="http://www.microsoft.com/provisioning/EapCommon">0</VendorId>' +
  '<VendorType xmlns="http://www.microsoft.com/provisioning/EapCommon">0</VendorType>' +
  '<AuthorId xmlns="http://www.microsoft.com/provisioning/EapCommon">0</AuthorId></EapMethod>' +
  '<Config xmlns="http://www.microsoft.com/provisioning/EapHostConfig">' +
  '<Eap xmlns="http://www.microsoft.com/provisioning/BaseEapConnectionPropertiesV1"><Type>26</Type>' +
  '<EapType xmlns="http://www.microsoft.com/provisioning/MsChapV2ConnectionPropertiesV1">' +
  '<UseWinLogonCredentials>false</UseWinLogonCredentials></EapType></Eap></Config></EapHostConfig>';

export function windowsSetup(facts: SetupFacts): ClientSetup {
  const name = fileName(facts, '.ps1');
  const lines = facts.protocol === 'l2tp' ? l2tp(facts) : ikev2(facts);
  const restart = facts.protocol === 'l2tp' ? ['Restart Windows once: the registry values count from then on.'] : [];
  return {
    // Windows PowerShell reads a script without a byte order mark in the machine's code page.
    files: [{ name, content: `\ufeff${[...HEAD, ...lines, ''].join('\r\n')}` }],
    steps: [
      `Copy ${name} to the Windows machine.`,
      `Run it as administrator: powershell -ExecutionPolicy Bypass -File ${name}`,
      ...restart,
      `Connect to ${facts.name} in Settings > Network & internet > VPN${loginOf(facts)}.`,
      deleteStep(facts, 'script'),
    ],
  };
}

const HEAD = ['#Requires -RunAsAdministrator', "$ErrorActionPreference = 'Stop'"];

const loginOf = ({ user, certificate }: SetupFacts) =>
  certificate === undefined ? ` as ${user} with the user’s password` : '';

function l2tp(facts: SetupFacts): string[] {
  const psk = needed(facts.psk, 'the pre-shared key');
  return [
    '# Windows refuses a gateway behind a NAT unless told otherwise (error 809); updates reset the value.',
    registry('PolicyAgent', 'AssumeUDPEncapsulationContextOnSendRule', 2),
    '# Other VPN programs switch the IPsec of L2TP off (error 789).',
    "Remove-ItemProperty -Path 'HKLM:\\SYSTEM\\CurrentControlSet\\Services\\RasMan\\Parameters' -Name ProhibitIpSec -ErrorAction SilentlyContinue",
    remove(facts),
    `Add-VpnConnection -Name ${quote(facts.name)} -ServerAddress ${quote(facts.server)} -TunnelType L2tp ` +
      `-L2tpPsk ${quote(psk)} -AuthenticationMethod MSChapv2 -EncryptionLevel Optional -RememberCredential -Force`,
    '# Instead of SHA-1 and whatever group comes first.',
    ipsec(facts, 'AES256', 'SHA256128'),
  ];
}

function ikev2(facts: SetupFacts): string[] {
  const { authority, certificate } = facts;
  const method =
    certificate === undefined
      ? `-AuthenticationMethod Eap -EapConfigXmlStream ([xml]${quote(EAP_MSCHAPV2)})`
      : '-AuthenticationMethod MachineCertificate';
  return [
    '# Without this Windows offers MODP-1024 when it rekeys.',
    registry('RasMan\\Parameters', 'NegotiateDH2048_AES256', 1),
    ...(authority === undefined ? [] : importing('Root', base64(authority.der), '.cer', undefined)),
    ...(certificate === undefined ? [] : importing('My', base64(certificate.pkcs12), '.p12', certificate.password)),
    remove(facts),
    `Add-VpnConnection -Name ${quote(facts.name)} -ServerAddress ${quote(facts.server)} -TunnelType Ikev2 ` +
      `${method} -EncryptionLevel Required -RememberCredential -Force`,
    ipsec(facts, 'GCMAES256', 'GCMAES256'),
  ];
}

/** Group 14 and no PFS: Windows has bugs with others when it renews. */
function ipsec({ name }: SetupFacts, cipher: string, authentication: string): string {
  return (
    `Set-VpnConnectionIPsecConfiguration -ConnectionName ${quote(name)} -EncryptionMethod AES256 ` +
    `-IntegrityCheckMethod SHA256 -DHGroup Group14 -CipherTransformConstants ${cipher} ` +
    `-AuthenticationTransformConstants ${authentication} -PfsGroup None -Force`
  );
}

function registry(key: string, name: string, value: number): string {
  const path = quote(`HKLM:\\SYSTEM\\CurrentControlSet\\Services\\${key}`);
  return `New-ItemProperty -Path ${path} -Name ${name} -PropertyType DWord -Value ${value} -Force | Out-Null`;
}

const remove = ({ name }: SetupFacts) =>
  `Get-VpnConnection -Name ${quote(name)} -ErrorAction SilentlyContinue | Remove-VpnConnection -Force`;

function importing(store: 'Root' | 'My', content: string, ending: string, password: string | undefined): string[] {
  const command =
    password === undefined
      ? `Import-Certificate -FilePath $file -CertStoreLocation Cert:\\LocalMachine\\${store} | Out-Null`
      : `Import-PfxCertificate -FilePath $file -CertStoreLocation Cert:\\LocalMachine\\${store} ` +
        `-Password (ConvertTo-SecureString ${quote(password)} -AsPlainText -Force) | Out-Null`;
  return [
    `$file = Join-Path $env:TEMP ('sallyport-' + [guid]::NewGuid() + '${ending}')`,
    `try { [IO.File]::WriteAllBytes($file, [Convert]::FromBase64String('${content}'))`,
    `  ${command}`,
    '} finally { Remove-Item $file -ErrorAction SilentlyContinue }',
  ];
}

/** PowerShell takes the typographic quotation marks for plain ones. */
function quote(text: string): string {
  return `'${text.replace(/['\u2018\u2019\u201a\u201b]/g, (mark) => mark + mark)}'`;
}
