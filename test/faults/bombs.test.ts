import t from 'tap'
import { startSandbox } from '../../ops/sandbox/sandbox.ts'
import { call, messageOf, modernCall, openSession, send, textOf } from '../helpers/mcp-http.ts'
import { startGateway } from '../helpers/start-gateway.ts'

/** A worker's limit on one message's HTML is 5 s; a machine that does other things needs some more. */
const DEADLINE_MS = 20_000
const MOST_ANSWER_CHARS = 100_000

const nested = (depth: number, open: string, close: string) =>
  open.repeat(depth) + close.repeat(depth)
const rpc = (args: string) =>
  `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search_emails","arguments":${args}}}`

/** Bodies that cost whoever reads them more than whoever sends them. */
const BODIES: Record<string, string> = {
  'deep arrays': nested(500_000, '[', ']'),
  'deep objects': `${'{"a":'.repeat(500_000)}1${'}'.repeat(500_000)}`,
  'deep arguments': rpc(`{"query":${nested(500_000, '[', ']')}}`),
  'deep arguments that nobody asked for': rpc(`{"query":"x","y":${nested(100_000, '[', ']')}}`),
  'many keys': rpc(`{${Array.from({ length: 100_000 }, (_, i) => `"k${i}":0`).join()}}`),
  'a long batch': `[${Array.from({ length: 10_000 }, () => '{"jsonrpc":"2.0","method":"ping"}').join()}]`,
  'a long query': rpc(`{"query":"${'(a OR '.repeat(200_000)}"}`),
  'a large number': rpc(`{"query":"x","maxResults":${'9'.repeat(1_000_000)}}`),
  'many wrong ids': `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"trash_emails","arguments":{"messageIds":[${'0,'.repeat(100_000)}0]}}}`,
  'a proto': rpc('{"query":"x","__proto__":{"maxResults":9},"constructor":{"prototype":{}}}')
}

const part = (...lines: string[]) => ['--B', ...lines].join('\r\n')
const multipart = (...parts: string[]) =>
  [
    'From: a@x.test',
    'Subject: bomb',
    'MIME-Version: 1.0',
    'Content-Type: multipart/mixed; boundary=B',
    '',
    ...parts,
    '--B--',
    ''
  ].join('\r\n')
const html = (text: string) =>
  ['From: a@x.test', 'Subject: bomb', 'Content-Type: text/html', '', text].join('\r\n')
const enclosed = (depth: number): string =>
  depth === 0
    ? 'Subject: inner\r\n\r\ncore'
    : `Subject: ${depth}\r\nContent-Type: message/rfc822\r\n\r\n${enclosed(depth - 1)}`
const lines = (text: string, width = 900) => text.replace(new RegExp(`.{${width}}`, 'g'), '$&\r\n')

const MAILS: Record<string, string> = {
  'deep HTML': html(lines('<div><table><tr><td>'.repeat(4000))),
  'unclosed attributes': html(lines('<a href="'.repeat(20_000))),
  'many styles': html(lines('<p style="color:red;display:block">x'.repeat(20_000))),
  'CSS without an end': html(`<style>${lines('a{b:c;'.repeat(60_000))}`),
  entities: html(lines('&#x41;&amp;&lt;'.repeat(60_000))),
  'many parts': multipart(
    ...Array.from({ length: 2000 }, (_, i) =>
      part(`Content-Type: text/plain; name="${i}.txt"`, 'Content-Disposition: attachment', '', 'x')
    )
  ),
  'mail in mail': `From: a@x.test\r\n${enclosed(60)}`,
  'many recipients': `From: a@x.test\r\nTo: ${Array.from({ length: 20_000 }, (_, i) => `r${i}@x.test`).join(',\r\n ')}\r\n\r\nx`,
  'odd addresses': `From: ${lines('"((<'.repeat(20_000), 60).replaceAll('\r\n', '\r\n ')}\r\n\r\nx`,
  'encoded words': `From: a@x.test\r\nSubject: ${'=?utf-8?q?=41?=\r\n '.repeat(20_000)}\r\n\r\nx`,
  'quotes in quotes': `From: a@x.test\r\n\r\n${`${'> '.repeat(400)}x\r\n`.repeat(500)}`,
  'almost a reply': `From: a@x.test\r\n\r\n${`On ${'x '.repeat(140)}\r\n`.repeat(2000)}`,
  'a table of dates': `From: a@x.test\r\nDate: ${'('.repeat(50_000)}\r\n\r\nx`
}

t.test('a bomb costs its receiver one call, and nobody else anything', async (t) => {
  const google = await startSandbox({
    users: ['ann', 'bob'].map((name) => ({ email: `${name}@sandbox.example`, empty: true }))
  })
  const gateway = await startGateway({ google })
  t.teardown(async () => {
    await gateway.close()
    await google.close()
  })
  const [ann, bob] = gateway.users.map(({ token }) => ({ url: gateway.url, token }))
  if (!ann || !bob) throw new Error('there are two people')
  const session = await openSession(ann)
  const others: number[] = []
  const profile = async () => {
    const began = performance.now()
    const { result } = await messageOf(await send(bob, modernCall('get_profile')))
    t.match(result, { structuredContent: { emailAddress: 'bob@sandbox.example' } })
    others.push(performance.now() - began)
  }
  await profile()

  /** The call, with somebody else's beside it. */
  const suffer = async (name: string, body: unknown): Promise<string> => {
    const signal = AbortSignal.timeout(DEADLINE_MS)
    const [text] = await Promise.all([
      send(ann, { session, body, signal }).then((response) => {
        t.not(response.status, 500, name)
        return response.text()
      }),
      profile()
    ])
    t.ok(text.length < MOST_ANSWER_CHARS, `${name}: the answer has ${text.length} characters`)
    return text
  }

  for (const [name, body] of Object.entries(BODIES)) await suffer(name, body)
  const ping = textOf(await messageOf(await send(ann, { session, body: call('get_profile') })))
  t.match(ping, 'ann@sandbox.example', 'the session goes on')

  const box = google.mailbox('ann@sandbox.example')
  for (const [name, mail] of Object.entries(MAILS)) {
    const { id: messageId } = box.deliver(mail)
    const read = await suffer(name, call('read_email', { messageId, includeHtml: true }))
    t.match(read, /"(structuredContent|error)"/, name)
  }
  await suffer('all of them', call('search_emails', { query: '', maxResults: 50 }))
  await profile()
  others.sort((a, b) => a - b)
  t.ok((others.at(Math.floor(others.length * 0.9)) ?? 0) < 2000, 'the others hardly notice', {
    slowest: others.at(-1)
  })
})
