import t from 'tap'
import {
  isOwnAddress,
  parseAddress,
  readAddresses,
  readGivenAddresses
} from '../../worker/gmail/addresses.ts'
import { confusable } from '../../worker/gmail/confusables.ts'

const b = (text: string) => `=?utf-8?B?${Buffer.from(text).toString('base64')}?=`
const reached = (field: string) =>
  readAddresses(field).flatMap(({ mailbox }) => mailbox?.address ?? [])
const odd = (field: string) =>
  readAddresses(field).flatMap(({ text, mailbox, isEmptyGroup }) =>
    mailbox || isEmptyGroup ? [] : text
  )

// RFC 2047, section 5: an encoded word stands for a word of a phrase; it is never a part of an addr-spec.
t.test('nothing in an encoded name is ever an address', (t) => {
  for (const field of [
    `${b('Eva <eva@other.test>, Real')} <real@out.test>`,
    '=?utf-8?Q?Eva_=3Ceva=40other.test=3E=2C_Real?= <real@out.test>',
    '=?utf-8?q?eva=40other.test=2C_Real?= <real@out.test>',
    '=?utf-8?Q?Eva <eva@other.test>, Real?= <real@out.test>',
    `"${b('eva@other.test')}" <real@out.test>`,
    `${b('"Eva" <eva@other.test>;')} ${b('"x')} <real@out.test>`,
    `"Eva <eva@other.test>, Real" <real@out.test>`,
    'real@out.test (Eva <eva@other.test>, a)',
    `${b('eva@other.test:')} real@out.test;`
  ])
    t.same(reached(field), ['real@out.test'], field)
  for (const field of [
    b('eva@other.test'),
    b('Eva <eva@other.test>'),
    `<${b('eva@other.test')}>`,
    `${b('eva')}@other.test`,
    `eva@${b('other.test')}`
  ])
    t.same(reached(field), [], field)
  t.end()
})

t.test('a name is one person, whatever is in it', (t) => {
  const one = (field: string) => readAddresses(field).map(({ mailbox }) => mailbox)
  for (const field of [
    '=?iso-8859-1?Q?M=FCller=2C_Hans?= <hans@out.test>',
    // A comma as it is, against RFC 2047, section 5 (3), and seen in mail.
    '=?iso-8859-1?Q?M=FCller,_Hans?= <hans@out.test>',
    '"Müller, Hans" <hans@out.test>',
    // As it looks when somebody has decoded it.
    'Müller, Hans <hans@out.test>'
  ])
    t.same(one(field), [{ name: 'Müller, Hans', address: 'hans@out.test' }], field)
  t.same(one('=?koi8-r?B?6dfBzs/XLCDwxdTS?= <petr@out.test>'), [
    { name: 'Иванов, Петр', address: 'petr@out.test' }
  ])
  // RFC 2047, section 6.2: the blank between two encoded words is none of the text.
  t.match(one('=?utf-8?Q?M=C3=BC?=\r\n =?utf-8?Q?ller?= <m@out.test>'), [{ name: 'Müller' }])
  // Cut between the bytes of a character, against RFC 2047, section 5, and seen in mail.
  t.match(one('=?utf-8?B?44GC44GE44GG44GI4w==?= =?utf-8?B?gYrjgYs=?= <m@out.test>'), [
    { name: 'あいうえおか' }
  ])
  t.match(one('=?utf-8?Q?Gr=C3?=\r\n =?UTF-8?Q?=B6=C3=9Fe?= <m@out.test>'), [{ name: 'Größe' }])
  t.match(
    one('=?ISO-2022-JP?B?GyRCJCIkJCQmGyhC?= =?ISO-2022-JP?B?GyRCJCgkKhsoQg==?= <m@out.test>'),
    [{ name: 'あいうえお' }]
  )
  t.match(one('"bob@out.test" <bob@out.test>'), [{ name: '', address: 'bob@out.test' }])
  t.match(one('"ceo@out.test" <evil@bad.test>'), [
    { name: 'ceo@out.test', address: 'evil@bad.test' }
  ])
  t.end()
})

// RFC 5322, appendix A.1.2, A.1.3, A.5, A.6.1 to A.6.3: the examples of the standard itself.
t.test('the examples of RFC 5322 are read as it means them', (t) => {
  for (const [field, addresses] of [
    ['"Joe Q. Public" <john.q.public@example.com>', ['john.q.public@example.com']],
    [
      'Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>',
      ['mary@x.test', 'jdoe@example.org', 'one@y.test']
    ],
    [
      '<boss@nil.test>, "Giant; \\"Big\\" Box" <sysservices@example.net>',
      ['boss@nil.test', 'sysservices@example.net']
    ],
    [
      'A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;',
      ['c@a.test', 'joe@where.test', 'jdoe@one.test']
    ],
    ['Undisclosed recipients:;', []],
    ['Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>', ['pete@silly.test']],
    [
      "A Group(Some people)\r\n     :Chris Jones <c@(Chris's host.)public.example>,\r\n         joe@example.org,\r\n  John <jdoe@one.test> (my dear friend); (the end of the group)",
      ['c@public.example', 'joe@example.org', 'jdoe@one.test']
    ],
    ['(Empty list)(start)Hidden recipients  :(nobody(that I know))  ;', []],
    ['Joe Q. Public <john.q.public@example.com>', ['john.q.public@example.com']],
    [
      'Mary Smith <@node.test:mary@example.net>, , jdoe@test   . example',
      ['mary@example.net', 'jdoe@test.example']
    ],
    ['John Doe <jdoe@machine(comment).  example>', ['jdoe@machine.example']]
  ] as const) {
    t.same(reached(field), addresses, field)
    t.same(odd(field), [], field)
  }
  t.end()
})

t.test('one odd entry does not spoil the others, and is named', (t) => {
  for (const [field, addresses, words] of [
    ['"Team (all)" <team@out.test>, Bob <bob@out.test> (Sales), <carl@out.test>', 3, []],
    ['bob@out.test; cy@out.test', 2, []],
    ['bob@out.test, ,', 1, []],
    ['joerg@out.test (Joerg (senior) Mueller)', 1, []],
    ['cron@out.test (Cron Daemon)', 1, []],
    ['"Bob Miller <bob@out.test>', 1, []],
    ['taro..x.@docomo.test', 1, []],
    ['undisclosed-recipients: ;', 0, []],
    ['Mail Delivery System <MAILER-DAEMON>', 0, ['Mail Delivery System <MAILER-DAEMON>']],
    ['/O=ORG/CN=BOB, bob@out.test', 1, ['/O=ORG/CN=BOB']],
    ['<>', 0, []],
    ['Team: bob, cy@out.test;', 1, ['bob']],
    ['Bob <bob@x.test, Cy <cy@y.test>; Di <di@z.test, "E, <F>" <ef@z.test>', 4, []],
    ["'bob@x.test', 'Cy' <'cy@y.test'>, o'neil@x.test", 3, []],
    ['Name <a@x.test> <b@y.test>', 1, ['b@y.test']],
    ['Bob <a@x.test> Bobby <b@y.test>, c@z.test', 2, ['b@y.test']],
    ['a@x.test b@y.test', 1, ['b@y.test']],
    ['x@y.test., a@b@c.test', 0, ['x@y.test.', 'a@b@c.test']]
  ] as const) {
    t.equal(reached(field).length, addresses, field)
    t.same(odd(field), words, field)
  }
  t.end()
})

t.test('what is shown is read again as the same people', (t) => {
  for (const field of [
    `${b('Eva <eva@other.test>, "Real" \\')} <real@out.test>, Müller <m@out.test>`,
    '"a:b;" <x@out.test>, J. R. (R.) <j@out.test>, "john doe"@out.test'
  ]) {
    const entries = readAddresses(field)
    const again = readAddresses(entries.map(({ text }) => text).join(', '))
    t.same(again, entries, field)
  }
  t.end()
})

t.test('a caller is asked again where a sender is read with some leave', (t) => {
  for (const wrong of ['a b@x.test', '<a@x.test', 'a@x.test>', '"n" a@x.test'])
    t.same(
      readGivenAddresses(wrong).map(({ mailbox }) => mailbox),
      [undefined],
      wrong
    )
  t.match(parseAddress('a@x.test (A)'), { name: 'A', address: 'a@x.test' })
  t.equal(parseAddress('a@x.test, b@x.test'), undefined)
  t.end()
})

// support.google.com/mail/answer/22370 (+), /7436150 (dots at gmail.com only), /10313 (googlemail.com).
t.test('own addresses are known with a tag, and at Gmail with other dots', (t) => {
  t.ok(isOwnAddress('ann@acme.test', 'Ann+shop@ACME.test'))
  t.ok(isOwnAddress('ann@acme.test', 'ann+a+b@acme.test'))
  t.ok(isOwnAddress('ann.lee@gmail.com', 'a.n.n.lee+x@googlemail.com'))
  t.notOk(isOwnAddress('ann.lee@acme.test', 'annlee@acme.test'))
  t.notOk(isOwnAddress('ann@acme.test', 'ann@other.test'))
  t.notOk(isOwnAddress('ann@acme.test', 'anna@acme.test'))
  t.ok(isOwnAddress('ann@bücher.test', 'ann@xn--bcher-kva.test'))
  t.end()
})

// Unicode Technical Standard 39, sections 4 and 5.2.
t.test('domains that mix scripts, or imitate Latin letters, are told', (t) => {
  for (const address of ['x@exаmple.com', 'x@аррӏе.com', 'x@xn--exmple-4nf.com', 'x@gοοgle.test'])
    t.match(confusable(address), /letters/, address)
  for (const address of [
    ...['x@example.com', 'x@пример.рф', 'x@пример.com', 'x@bücher.test', 'x@例え.jp'],
    ...[
      'x@日本語ドメイン.jp',
      'x@tokyo日本.jp',
      'x@한국.kr',
      'x@παράδειγμα.gr',
      'x@[10.0.0.1]',
      'x'
    ]
  ])
    t.equal(confusable(address), undefined, address)
  t.match(confusable('x@exаmple.com'), '(xn--exmple-4nf.com) mixes Latin and Cyrillic letters')
  t.end()
})

t.test('an absurd field costs little and harms nobody', (t) => {
  for (const piece of [
    '=?a?q?',
    '"\\',
    '(',
    '<',
    'a@',
    '<a@b>(',
    ', ',
    '=?a?q?x?= ',
    ': ',
    '"a" ',
    'x@y z@w, '
  ])
    t.same(
      reached(piece.repeat(50_000)).filter((each) => !/^[a-z]@[a-z]/.test(each)),
      [],
      piece
    )
  t.same(reached('\ue0000\ue001@x.test, <\ue0000\ue001>'), ['0@x.test'], 'no place of a name')
  t.end()
})
