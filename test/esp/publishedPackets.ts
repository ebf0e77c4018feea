/** Whole ESP packets as published: RFC 3602 §4 (AES-CBC) and draft-mcgrew-gcm-test-01 §4 (AES-GCM). */

// The packets of RFC 3602 carry no ICV: one is put behind them by the HMAC that the vectors of HMAC cover.
export const cbcCases = [
  {
    name: 'case 5: transport mode, 14 bytes of padding',
    key: '90d382b410eeba7ad938c46cec1a82bf',
    packet:
      '0000432100000001e96e8c08ab465763fd098d45dd3ff893f663c25d325c18c6a9453e194e120849a4870b66cc6b9965' +
      '330013b4898dc856a4699e523a55db080b59ec3a8e4b7e52775b07d1db34ed9c538ab50c551b874aa269add047ad2d59' +
      '13ac19b7cfbad4a6',
    payload:
      '08000ebda70a00008e9c083db95b070008090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f2021222324252627' +
      '28292a2b2c2d2e2f3031323334353637',
    nextHeader: 1,
  },
  {
    name: 'case 6: transport mode, short packet',
    key: '90d382b410eeba7ad938c46cec1a82bf',
    packet:
      '000043210000000869d08df7d203329db093fc4924e5bd80f51995881ec4e0c4488987ce742e8109689bb379d2d750c0' +
      'd915dca346a89f75',
    payload: '0800b5e8a80a0500a69c083d0b660e00777777777777777777777777',
    nextHeader: 1,
  },
  {
    name: 'case 7: tunnel mode',
    key: '0123456789abcdef0123456789abcdef',
    packet:
      '0000876500000002f4e765244f6407adf13dc1380f673f37773b5241a4c449225e4f3ce5ed611b0c237ca96cf74a9301' +
      '3c1b0ea1a0cf70f8e4ecaec78ac53aad7a0f022b859243c647752e94a859352b8a4d4d2decd136e5c177f132ad3fbfb2' +
      '201ac9904c74ee0a109e0ca1e4dfe9d5a100b842f1c22f0d',
    payload:
      '45000054090400004001f988c0a87b03c0a87bc808009f76a90a0100b49c083d02a2040008090a0b0c0d0e0f10111213' +
      '1415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f3031323334353637',
    nextHeader: 4,
  },
  {
    name: 'case 8: tunnel mode, 10 bytes of padding',
    key: '0123456789abcdef0123456789abcdef',
    packet:
      '000087650000000585d47224b5f3dd5d2101d4ea8dffab2215b92683819596a8047232cc00f7048fe45318e11f8a0f62' +
      'ede3c3fc61203bb50f980a08c9843fd3a1b06d5c07ff9639b7eb7dfb3512e5de435e7207ed971ef3d2726d9b5ef6affc' +
      '6d17a0decbb13892',
    payload:
      '45000044090c00004001f990c0a87b03c0a87bc80800d63caa0a0200c69c083da3de0300ffffffffffffffffffffffff' +
      'ffffffffffffffffffffffffffffffffffffffff',
    nextHeader: 4,
  },
] as const;

// draft-mcgrew-gcm-test-01 §4, the cases with 32-bit sequence numbers whose payload is padded as RFC 4303 says.
export const gcmCases = [
  {
    key: 'feffe9928665731c6d6a8f9467308308',
    nonce: 'cafebabefacedbaddecaf888',
    header: '0000a5f80000000a',
    plaintext:
      '4500003e698f000080114dccc0a80102c0a801010a980035002a2343b2d0010000010000000000000373697009637962' +
      '6572636974790264' +
      '6b00000100010001',
    sealed:
      'deb22cd9b07c72c16e3a65beeb8df304a5a5897d33ae530f1ba76d5d114d2a5c3de81827c10e9a4f51330d0eec416642' +
      'cfbb85a5b47e48a4ec3b9ba95d918bd183b70d3aa8bc6ee4c309e9d85a41ad4a',
  },
  {
    key: 'abbccddef00112233445566778899aababbccddef00112233445566778899aab',
    nonce: '112233440102030405060708',
    header: '4a2cbfe300000002',
    plaintext:
      '4500003069a6400080062690c0a801029389155e0a9e008b2dc57ee0000000007002400020bf0000020405b401010402' + '01020201',
    sealed:
      'ff425c9b724599df7a3bcd510194e00d6a78107f1b0b1cbf06efae9d65a5d763748a637985771d347f0545659f14e99d' +
      'ef842d8eb335f4eecfdbf831824b4c4915956c96',
  },
  {
    key: '00000000000000000000000000000000',
    nonce: '000000000000000000000000',
    header: '0000000000000001',
    plaintext:
      '4500003c99c500008001cb7a40679318010101010800075c020044006162636465666768696a6b6c6d6e6f7071727374' +
      '75767761626364656667686901020201',
    sealed:
      '4688daf2f973a392732909c331d56d60f694abaa414b5e7ff5fdcdfff5e9a284456476492719ffb64de7d9dca1e1d894' +
      'bc3bd57873ed4d181d19d4d5c8c18af3f821d496eeb096e98ad2b69e4799c71d',
  },
  {
    key: 'feffe9928665731c6d6a8f9467308308feffe9928665731c',
    nonce: 'cafebabefacedbaddecaf888',
    header: '0000a5f80000000a',
    plaintext: '45000028a4ad4000400678800a01038f0a010612802306b8cb712602dd6bb03e501016d075680001',
    sealed:
      'a5b1f8066029aea40e598b8122de02420938b3ab33f828e687b8858b5bfbdbd0315b27452144cc7795457b9652037f53' +
      '18027b5b4cd7a636',
  },
  {
    key: '7d773d00c144c525ac619d18c84a3f47',
    nonce: 'd966426743457e9182443bc6',
    header: '335467aeffffffff',
    plaintext: '01020201',
    sealed: '437f866bcb3f699fe9b0822bac961c4504bef270',
  },
] as const;
