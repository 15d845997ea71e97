import t from 'tap'
import { GMAIL_METHODS } from '#shared/gmail-methods.ts'
import { parseAddress, readAddresses } from '../../../worker/gmail/addresses.ts'
import { describeAttachment, safeFilename } from '../../../worker/gmail/attachment.ts'
import { type Failure, readFailure, toToolError } from '../../../worker/gmail/gmail-error.ts'
import { UNITS } from '../../../worker/gmail/quota-units.ts'
import { readEnvelope } from '../../../worker/gmail/read-message.ts'
import { threadHeadersFor } from '../../../worker/gmail/reply-headers.ts'
import { isOutcomeUnknown, pauseBeforeRetry } from '../../../worker/gmail/retry-policy.ts'

const network = (reason: string) => ({
  status: undefined,
  reason,
  message: '',
  retryAfterMs: undefined
})
const answered = (status: number, reason = String(status), retryAfterMs?: number) => ({
  status,
  reason,
  message: '',
  retryAfterMs
})

t.test('nothing that makes something new each time is asked twice when nobody knows', (t) => {
  const makers = [
    'messages.send',
    'drafts.send',
    'drafts.create',
    'labels.create',
    'filters.create'
  ] as const
  for (const method of makers)
    for (const failure of [
      answered(500),
      answered(503),
      network('ECONNRESET'),
      network('TimeoutError')
    ])
      t.equal(pauseBeforeRetry({ method, failure, made: 1, random: 1 }), undefined, method)
  t.end()
})

t.test('only what cannot have happened, or may happen twice, is tried again', (t) => {
  const pause = (method: 'messages.get' | 'messages.send', failure: Failure) =>
    pauseBeforeRetry({ method, failure, made: 1, random: 1 })
  for (const failure of [
    answered(429),
    answered(403, 'rateLimitExceeded'),
    answered(403, 'userRateLimitExceeded'),
    answered(500),
    answered(503),
    network('ECONNRESET'),
    network('UND_ERR_SOCKET')
  ])
    t.equal(pause('messages.get', failure), 1000, `get after ${failure.reason}`)
  for (const failure of [
    answered(400),
    answered(401),
    answered(403, 'insufficientPermissions'),
    answered(403, 'dailyLimitExceeded'),
    answered(403, 'domainPolicy'),
    answered(404)
  ])
    t.equal(pause('messages.get', failure), undefined, `get after ${failure.reason}`)
  for (const failure of [
    answered(429),
    answered(403, 'rateLimitExceeded'),
    network('ECONNREFUSED')
  ])
    t.equal(pause('messages.send', failure), 1000, `send after ${failure.reason}`)
  for (const failure of [answered(500), answered(503), network('ECONNRESET'), network('network')]) {
    t.equal(pause('messages.send', failure), undefined, `send after ${failure.reason}`)
    t.ok(isOutcomeUnknown(failure))
  }
  t.notOk(isOutcomeUnknown(network('ECONNREFUSED')))
  t.notOk(isOutcomeUnknown(answered(400)))
  t.end()
})

t.test('pauses grow, carry jitter, obey Retry-After and end', (t) => {
  const pause = (made: number, random: number, retryAfterMs?: number) =>
    pauseBeforeRetry({
      method: 'messages.get',
      failure: answered(429, '429', retryAfterMs),
      made,
      random
    })
  t.same(
    [1, 2, 3, 4].map((made) => pause(made, 1)),
    [1000, 2000, 4000, 8000]
  )
  t.equal(pause(1, 0.5), 500)
  t.equal(pause(1, 0), 0)
  t.equal(pause(5, 1), undefined, 'five requests are enough')
  t.equal(pause(1, 1, 3000), 3000)
  t.equal(pause(1, 1, 60_000), undefined, 'the client waits better than we do')
  t.end()
})

t.test("failures are read from Google's answers and from the network", (t) => {
  const google = (status: number, reason: string, headers = {}) => ({
    response: {
      status,
      headers: new Headers(headers),
      data: { error: { code: status, message: 'Sentence.', errors: [{ reason }] } }
    }
  })
  t.match(readFailure(google(403, 'rateLimitExceeded', { 'retry-after': '7' }), 0), {
    status: 403,
    reason: 'rateLimitExceeded',
    retryAfterMs: 7000
  })
  const dated = { 'retry-after': new Date(10_000).toUTCString() }
  t.equal(readFailure(google(429, 'x', dated), 4000).retryAfterMs, 6000)
  t.equal(readFailure({ response: { status: 502, data: '<html>' } }, 0).reason, '502')
  t.equal(readFailure({ cause: { cause: { code: 'ECONNRESET' } } }, 0).reason, 'ECONNRESET')
  t.equal(readFailure({ code: 'ETIMEDOUT' }, 0).reason, 'ETIMEDOUT')
  t.equal(readFailure('nonsense', 0).reason, 'network')
  const codes = (
    [
      [400, 'x'],
      [401, 'x'],
      [403, 'insufficientPermissions'],
      [403, 'rateLimitExceeded'],
      [403, 'dailyLimitExceeded'],
      [404, 'x'],
      [409, 'x'],
      [413, 'x'],
      [429, 'x'],
      [503, 'x']
    ] as const
  ).map(([status, reason]) => toToolError(answered(status, reason), undefined).code)
  t.same(codes, [
    'invalid_argument',
    'needs_reauth',
    'scope_insufficient',
    'rate_limited',
    'quota_exceeded',
    'not_found',
    'invalid_argument',
    'too_large',
    'rate_limited',
    'upstream_unavailable'
  ])
  t.end()
})

t.test('addresses are split and read as RFC 5322 means them', (t) => {
  const shown = (value: string) => readAddresses(value).map(({ text }) => text)
  t.same(shown('"Doe, Jane" <j@x.test>, b@x.test,(a, b) c@x.test, "q\\"," <d@x.test>,'), [
    '"Doe, Jane" <j@x.test>',
    'b@x.test',
    '"a, b" <c@x.test>',
    '"q\\"," <d@x.test>'
  ])
  t.equal(shown(`"${'('.repeat(100_000)}`).length, 0, 'all of it a comment')
  t.same(parseAddress('"Doe, \\"J\\"" <j@x.test>'), { name: 'Doe, "J"', address: 'j@x.test' })
  t.same(parseAddress(' j@x.test '), { name: '', address: 'j@x.test' })
  t.same(parseAddress('Jürgen <j@bücher.test>'), { name: 'Jürgen', address: 'j@bücher.test' })
  for (const wrong of [
    '',
    'j',
    'j@',
    '@x',
    'a b@x.test',
    'a@b@c',
    '<a@x.test',
    'a@x.test>',
    'a@x,b'
  ])
    t.equal(parseAddress(wrong), undefined, wrong)
  t.end()
})

t.test('names of attachments cannot be paths', (t) => {
  const NAMES = {
    '../../etc/passwd': '.._.._etc_passwd',
    '/etc/shadow': '_etc_shadow',
    'C:\\Windows\\system32\\x.exe': 'C__Windows_system32_x.exe',
    'Invoice 12/2026.pdf': 'Invoice 12_2026.pdf',
    'a\u0000.pdf': 'a.pdf',
    '..': 'attachment-1.pdf',
    '.env': '.env',
    '/': 'attachment-1.pdf',
    '': 'attachment-1.pdf',
    'x\u202efdp.exe': 'xfdp.exe',
    'Rechnung ü 請求書.pdf': 'Rechnung ü 請求書.pdf',
    '=?UTF-8?Q?=C3=BC.pdf?=': 'ü.pdf',
    'a<b>|c?.txt': 'a_b__c_.txt'
  }
  for (const [written, safe] of Object.entries(NAMES))
    t.equal(safeFilename(written, '1', 'application/pdf'), safe, JSON.stringify(written))
  const long = safeFilename(`${'é'.repeat(400)}.tar`, '1', 'x/y')
  t.equal([...long].length, 150)
  t.ok(long.endsWith('.tar'))
  t.end()
})

t.test('an envelope is decoded, cleaned and complete whatever is missing', (t) => {
  const message = (headers: Record<string, string>, more = {}) => ({
    id: 'a1',
    threadId: 'b2',
    payload: { headers: Object.entries(headers).map(([name, value]) => ({ name, value })) },
    ...more
  })
  const envelope = readEnvelope(
    message(
      {
        FROM: '=?UTF-8?B?8J+Ygg==?= <x@x.test>',
        to: '"Doe, J" <j@x.test>, k@x.test',
        Subject: '=?ISO-2022-JP?B?GyRCRnxLXDhsGyhC?=\r\n =?UTF-8?Q?_=E2=80=8Bx?=',
        Date: 'Mon, 1 Jun 2026 10:00:00 +0200 (CEST)'
      },
      { snippet: 'a &amp; b &#39;c&#39;', labelIds: ['INBOX'] }
    )
  )
  t.match(envelope, {
    from: '😂 <x@x.test>',
    to: ['"Doe, J" <j@x.test>', 'k@x.test'],
    subject: '日本語 x',
    date: '2026-06-01T08:00:00.000Z',
    snippet: "a & b 'c'",
    cc: []
  })
  t.equal(readEnvelope(message({}, { internalDate: '1000' })).date, '1970-01-01T00:00:01.000Z')
  t.equal(
    readEnvelope(message({ Date: 'nonsense' }, { internalDate: '1000' })).date?.slice(0, 4),
    '1970'
  )
  t.equal(readEnvelope({}).date, undefined)
  t.equal(readEnvelope({}).subject, '')
  t.end()
})

t.test('a part without a type is a file', (t) => {
  t.equal(describeAttachment({}).mimeType, 'application/octet-stream')
  t.end()
})

t.test('an answer names its parent and all ancestors, in order and once', (t) => {
  const parent = (headers: Record<string, string>) => ({
    threadId: 'abc',
    payload: { headers: Object.entries(headers).map(([name, value]) => ({ name, value })) }
  })
  t.same(threadHeadersFor(parent({ 'Message-ID': '<c@x>', References: '<a@x>\r\n <b@x> <a@x>' })), {
    threadId: 'abc',
    inReplyTo: '<c@x>',
    references: ['<a@x>', '<b@x>', '<c@x>']
  })
  t.same(threadHeadersFor(parent({ 'Message-Id': '<c@x>', 'In-Reply-To': '<b@x>' })).references, [
    '<b@x>',
    '<c@x>'
  ])
  t.same(threadHeadersFor(parent({})), { threadId: 'abc', references: [] })
  const many = Array.from({ length: 200 }, (_, index) => `<${index}@x>`).join(' ')
  const { references } = threadHeadersFor(parent({ 'Message-ID': '<c@x>', References: many }))
  t.equal(references.length, 50)
  t.equal(references[0], '<0@x>')
  t.equal(references.at(-1), '<c@x>')
  t.end()
})

t.test('every method of the client is counted by its name', async (t) => {
  t.same(GMAIL_METHODS.toSorted(), Object.keys(UNITS).toSorted())
})
