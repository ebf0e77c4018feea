/** The functions of OpenSSL 3 inside the node binary that certificates need, by their C declarations. X509(7), crypto(7). */

import { declare } from '../ffi.ts';

/**
 * The declarations are the types too: every parameter and result is a number, but `const char *`, which is a string.
 * A result of `int` is 1 for success and 0 or less for failure; an address of 0 is NULL.
 */
const DECLARATIONS = {
  memcpy: 'uintptr_t memcpy(uintptr_t to, uintptr_t from, size_t length)',

  d2i_X509: 'uintptr_t d2i_X509(uintptr_t reuse, uintptr_t input, long length)',
  i2d_X509: 'int i2d_X509(uintptr_t certificate, uintptr_t output)',
  X509_new: 'uintptr_t X509_new()',
  X509_free: 'void X509_free(uintptr_t certificate)',
  X509_get_subject_name: 'uintptr_t X509_get_subject_name(uintptr_t certificate)',
  X509_get_issuer_name: 'uintptr_t X509_get_issuer_name(uintptr_t certificate)',
  X509_get_X509_PUBKEY: 'uintptr_t X509_get_X509_PUBKEY(uintptr_t certificate)',
  X509_get_key_usage: 'uint32_t X509_get_key_usage(uintptr_t certificate)',
  X509_get0_pubkey: 'uintptr_t X509_get0_pubkey(uintptr_t certificate)',
  X509_check_private_key: 'int X509_check_private_key(uintptr_t certificate, uintptr_t key)',
  X509_set_version: 'int X509_set_version(uintptr_t certificate, long version)',
  X509_set_serialNumber: 'int X509_set_serialNumber(uintptr_t certificate, uintptr_t serial)',
  X509_set_issuer_name: 'int X509_set_issuer_name(uintptr_t certificate, uintptr_t name)',
  X509_set_subject_name: 'int X509_set_subject_name(uintptr_t certificate, uintptr_t name)',
  X509_getm_notBefore: 'uintptr_t X509_getm_notBefore(uintptr_t certificate)',
  X509_getm_notAfter: 'uintptr_t X509_getm_notAfter(uintptr_t certificate)',
  X509_set_pubkey: 'int X509_set_pubkey(uintptr_t certificate, uintptr_t key)',
  X509_add_ext: 'int X509_add_ext(uintptr_t certificate, uintptr_t extension, int at)',
  X509_sign: 'int X509_sign(uintptr_t certificate, uintptr_t key, uintptr_t digest)',
  i2d_X509_PUBKEY: 'int i2d_X509_PUBKEY(uintptr_t key, uintptr_t output)',
  d2i_PUBKEY: 'uintptr_t d2i_PUBKEY(uintptr_t reuse, uintptr_t input, long length)',

  X509_NAME_new: 'uintptr_t X509_NAME_new()',
  X509_NAME_free: 'void X509_NAME_free(uintptr_t name)',
  X509_NAME_cmp: 'int X509_NAME_cmp(uintptr_t one, uintptr_t other)',
  X509_NAME_add_entry_by_txt:
    'int X509_NAME_add_entry_by_txt(uintptr_t name, const char *field, int type, uintptr_t bytes, int length, int at, int set)',
  d2i_X509_NAME: 'uintptr_t d2i_X509_NAME(uintptr_t reuse, uintptr_t input, long length)',
  i2d_X509_NAME: 'int i2d_X509_NAME(uintptr_t name, uintptr_t output)',
  X509_NAME_print_ex: 'int X509_NAME_print_ex(uintptr_t bio, uintptr_t name, int indent, unsigned long flags)',
  BIO_s_mem: 'uintptr_t BIO_s_mem()',
  BIO_new: 'uintptr_t BIO_new(uintptr_t method)',
  BIO_read: 'int BIO_read(uintptr_t bio, uintptr_t output, int length)',
  BIO_free: 'int BIO_free(uintptr_t bio)',

  X509_STORE_new: 'uintptr_t X509_STORE_new()',
  X509_STORE_free: 'void X509_STORE_free(uintptr_t store)',
  X509_STORE_add_cert: 'int X509_STORE_add_cert(uintptr_t store, uintptr_t certificate)',
  X509_STORE_add_crl: 'int X509_STORE_add_crl(uintptr_t store, uintptr_t crl)',
  X509_STORE_CTX_new: 'uintptr_t X509_STORE_CTX_new()',
  X509_STORE_CTX_free: 'void X509_STORE_CTX_free(uintptr_t context)',
  X509_STORE_CTX_init:
    'int X509_STORE_CTX_init(uintptr_t context, uintptr_t store, uintptr_t certificate, uintptr_t others)',
  X509_STORE_CTX_get0_param: 'uintptr_t X509_STORE_CTX_get0_param(uintptr_t context)',
  X509_STORE_CTX_get_error: 'int X509_STORE_CTX_get_error(uintptr_t context)',
  X509_STORE_CTX_get_current_cert: 'uintptr_t X509_STORE_CTX_get_current_cert(uintptr_t context)',
  X509_STORE_CTX_get0_chain: 'uintptr_t X509_STORE_CTX_get0_chain(uintptr_t context)',
  X509_VERIFY_PARAM_set_flags: 'int X509_VERIFY_PARAM_set_flags(uintptr_t parameters, unsigned long flags)',
  X509_VERIFY_PARAM_set_depth: 'void X509_VERIFY_PARAM_set_depth(uintptr_t parameters, int depth)',
  X509_VERIFY_PARAM_set_time: 'void X509_VERIFY_PARAM_set_time(uintptr_t parameters, int64_t time)',
  X509_VERIFY_PARAM_set_auth_level: 'void X509_VERIFY_PARAM_set_auth_level(uintptr_t parameters, int level)',
  X509_verify_cert: 'int X509_verify_cert(uintptr_t context)',
  X509_verify_cert_error_string: 'const char *X509_verify_cert_error_string(long error)',

  OPENSSL_sk_new_null: 'uintptr_t OPENSSL_sk_new_null()',
  OPENSSL_sk_push: 'int OPENSSL_sk_push(uintptr_t stack, uintptr_t item)',
  OPENSSL_sk_num: 'int OPENSSL_sk_num(uintptr_t stack)',
  OPENSSL_sk_value: 'uintptr_t OPENSSL_sk_value(uintptr_t stack, int at)',
  OPENSSL_sk_free: 'void OPENSSL_sk_free(uintptr_t stack)',

  d2i_X509_CRL: 'uintptr_t d2i_X509_CRL(uintptr_t reuse, uintptr_t input, long length)',
  i2d_X509_CRL: 'int i2d_X509_CRL(uintptr_t crl, uintptr_t output)',
  X509_CRL_new: 'uintptr_t X509_CRL_new()',
  X509_CRL_free: 'void X509_CRL_free(uintptr_t crl)',
  X509_CRL_get_issuer: 'uintptr_t X509_CRL_get_issuer(uintptr_t crl)',
  X509_CRL_set_version: 'int X509_CRL_set_version(uintptr_t crl, long version)',
  X509_CRL_set_issuer_name: 'int X509_CRL_set_issuer_name(uintptr_t crl, uintptr_t name)',
  X509_CRL_set1_lastUpdate: 'int X509_CRL_set1_lastUpdate(uintptr_t crl, uintptr_t time)',
  X509_CRL_set1_nextUpdate: 'int X509_CRL_set1_nextUpdate(uintptr_t crl, uintptr_t time)',
  X509_CRL_add0_revoked: 'int X509_CRL_add0_revoked(uintptr_t crl, uintptr_t revoked)',
  X509_CRL_add_ext: 'int X509_CRL_add_ext(uintptr_t crl, uintptr_t extension, int at)',
  X509_CRL_add1_ext_i2d:
    'int X509_CRL_add1_ext_i2d(uintptr_t crl, int nid, uintptr_t value, int critical, unsigned long flags)',
  X509_CRL_sort: 'int X509_CRL_sort(uintptr_t crl)',
  X509_CRL_sign: 'int X509_CRL_sign(uintptr_t crl, uintptr_t key, uintptr_t digest)',
  X509_REVOKED_new: 'uintptr_t X509_REVOKED_new()',
  X509_REVOKED_free: 'void X509_REVOKED_free(uintptr_t revoked)',
  X509_REVOKED_set_serialNumber: 'int X509_REVOKED_set_serialNumber(uintptr_t revoked, uintptr_t serial)',
  X509_REVOKED_set_revocationDate: 'int X509_REVOKED_set_revocationDate(uintptr_t revoked, uintptr_t time)',

  ASN1_TIME_new: 'uintptr_t ASN1_TIME_new()',
  ASN1_TIME_set: 'uintptr_t ASN1_TIME_set(uintptr_t time, int64_t seconds)',
  ASN1_TIME_free: 'void ASN1_TIME_free(uintptr_t time)',
  ASN1_INTEGER_free: 'void ASN1_INTEGER_free(uintptr_t integer)',
  BN_bin2bn: 'uintptr_t BN_bin2bn(uintptr_t bytes, int length, uintptr_t reuse)',
  BN_free: 'void BN_free(uintptr_t number)',
  BN_to_ASN1_INTEGER: 'uintptr_t BN_to_ASN1_INTEGER(uintptr_t number, uintptr_t reuse)',
  X509V3_set_ctx:
    'void X509V3_set_ctx(uintptr_t context, uintptr_t issuer, uintptr_t subject, uintptr_t request, uintptr_t crl, int flags)',
  X509V3_EXT_nconf_nid:
    'uintptr_t X509V3_EXT_nconf_nid(uintptr_t config, uintptr_t context, int nid, const char *value)',
  X509_get_ext_by_NID: 'int X509_get_ext_by_NID(uintptr_t certificate, int nid, int after)',
  X509_get_ext: 'uintptr_t X509_get_ext(uintptr_t certificate, int at)',
  X509V3_EXT_print: 'int X509V3_EXT_print(uintptr_t bio, uintptr_t extension, unsigned long flags, int indent)',
  X509_EXTENSION_free: 'void X509_EXTENSION_free(uintptr_t extension)',
  OBJ_txt2nid: 'int OBJ_txt2nid(const char *name)',

  d2i_AutoPrivateKey: 'uintptr_t d2i_AutoPrivateKey(uintptr_t reuse, uintptr_t input, long length)',
  EVP_PKEY2PKCS8: 'uintptr_t EVP_PKEY2PKCS8(uintptr_t key)',
  i2d_PKCS8_PRIV_KEY_INFO: 'int i2d_PKCS8_PRIV_KEY_INFO(uintptr_t info, uintptr_t output)',
  PKCS8_PRIV_KEY_INFO_free: 'void PKCS8_PRIV_KEY_INFO_free(uintptr_t info)',
  EVP_PKEY_free: 'void EVP_PKEY_free(uintptr_t key)',
  EVP_get_digestbyname: 'uintptr_t EVP_get_digestbyname(const char *name)',
  PKCS12_create:
    'uintptr_t PKCS12_create(const char *password, const char *name, uintptr_t key, uintptr_t certificate, uintptr_t others, int keyCipher, int certificateCipher, int iterations, int macIterations, int keyType)',
  PKCS12_set_mac:
    'int PKCS12_set_mac(uintptr_t box, const char *password, int length, uintptr_t salt, int saltLength, int iterations, uintptr_t digest)',
  PKCS12_parse:
    'int PKCS12_parse(uintptr_t box, const char *password, uintptr_t key, uintptr_t certificate, uintptr_t others)',
  PKCS12_free: 'void PKCS12_free(uintptr_t box)',
  d2i_PKCS12: 'uintptr_t d2i_PKCS12(uintptr_t reuse, uintptr_t input, long length)',
  i2d_PKCS12: 'int i2d_PKCS12(uintptr_t box, uintptr_t output)',

  OCSP_REQUEST_new: 'uintptr_t OCSP_REQUEST_new()',
  OCSP_REQUEST_free: 'void OCSP_REQUEST_free(uintptr_t request)',
  OCSP_cert_to_id: 'uintptr_t OCSP_cert_to_id(uintptr_t digest, uintptr_t subject, uintptr_t issuer)',
  OCSP_CERTID_free: 'void OCSP_CERTID_free(uintptr_t id)',
  OCSP_request_add0_id: 'uintptr_t OCSP_request_add0_id(uintptr_t request, uintptr_t id)',
  i2d_OCSP_REQUEST: 'int i2d_OCSP_REQUEST(uintptr_t request, uintptr_t output)',
  d2i_OCSP_RESPONSE: 'uintptr_t d2i_OCSP_RESPONSE(uintptr_t reuse, uintptr_t input, long length)',
  OCSP_RESPONSE_free: 'void OCSP_RESPONSE_free(uintptr_t response)',
  OCSP_response_status: 'int OCSP_response_status(uintptr_t response)',
  OCSP_response_get1_basic: 'uintptr_t OCSP_response_get1_basic(uintptr_t response)',
  OCSP_BASICRESP_free: 'void OCSP_BASICRESP_free(uintptr_t basic)',
  OCSP_basic_verify: 'int OCSP_basic_verify(uintptr_t basic, uintptr_t others, uintptr_t store, unsigned long flags)',
  OCSP_resp_find_status:
    'int OCSP_resp_find_status(uintptr_t basic, uintptr_t id, uintptr_t status, uintptr_t reason, uintptr_t revokedAt, uintptr_t thisUpdate, uintptr_t nextUpdate)',
  OCSP_check_validity: 'int OCSP_check_validity(uintptr_t thisUpdate, uintptr_t nextUpdate, long skew, long most)',

  EVP_PKEY_CTX_new: 'uintptr_t EVP_PKEY_CTX_new(uintptr_t key, uintptr_t engine)',
  EVP_PKEY_CTX_free: 'void EVP_PKEY_CTX_free(uintptr_t context)',
  EVP_PKEY_sign_init: 'int EVP_PKEY_sign_init(uintptr_t context)',
  EVP_PKEY_sign:
    'int EVP_PKEY_sign(uintptr_t context, uintptr_t signature, uintptr_t length, uintptr_t digest, size_t digestLength)',
  EVP_PKEY_verify_init: 'int EVP_PKEY_verify_init(uintptr_t context)',
  EVP_PKEY_verify:
    'int EVP_PKEY_verify(uintptr_t context, uintptr_t signature, size_t length, uintptr_t digest, size_t digestLength)',
  ECDSA_SIG_new: 'uintptr_t ECDSA_SIG_new()',
  ECDSA_SIG_free: 'void ECDSA_SIG_free(uintptr_t signature)',
  ECDSA_SIG_get0_r: 'uintptr_t ECDSA_SIG_get0_r(uintptr_t signature)',
  ECDSA_SIG_get0_s: 'uintptr_t ECDSA_SIG_get0_s(uintptr_t signature)',
  ECDSA_SIG_set0: 'int ECDSA_SIG_set0(uintptr_t signature, uintptr_t r, uintptr_t s)',
  d2i_ECDSA_SIG: 'uintptr_t d2i_ECDSA_SIG(uintptr_t reuse, uintptr_t input, long length)',
  i2d_ECDSA_SIG: 'int i2d_ECDSA_SIG(uintptr_t signature, uintptr_t output)',
  BN_bn2binpad: 'int BN_bn2binpad(uintptr_t number, uintptr_t output, int length)',

  ERR_get_error: 'unsigned long ERR_get_error()',
  ERR_error_string_n: 'void ERR_error_string_n(unsigned long error, uintptr_t output, size_t length)',
  ERR_clear_error: 'void ERR_clear_error()',
} as const;

type Value<Declared extends string> = Declared extends `const char *${string}` ? string : number;
type Values<Declared extends string> = Declared extends ''
  ? []
  : Declared extends `${infer First}, ${infer Rest}`
    ? [Value<First>, ...Values<Rest>]
    : [Value<Declared>];
type Declared<Text> = Text extends `${infer Head}(${infer Parameters})`
  ? (
      ...values: Values<Parameters>
    ) => Head extends `void ${string}` ? void : Head extends `const char *${string}` ? string : number
  : never;

export type LibX509 = { readonly [Name in keyof typeof DECLARATIONS]: Declared<(typeof DECLARATIONS)[Name]> };

let loaded: LibX509 | undefined;

/** @throws Error where FFI is missing, or this node's OpenSSL is another one or keeps its functions to itself */
export function libx509(): LibX509 {
  loaded ??= declare(DECLARATIONS) as unknown as LibX509;
  return loaded;
}
