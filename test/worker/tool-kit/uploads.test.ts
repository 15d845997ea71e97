import { createHash } from 'node:crypto'
import t from 'tap'
import { serveUpload } from '../../../worker/http/receive-upload.ts'
import { Uploads } from '../../../worker/tool-kit/uploads.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
import { openGmailSession } from '../../helpers/gmail-session.ts'

const EXPIRES = '2026-11-28T20:00:00.000Z'
const CONTENT = Buffer.from('a,b\n1,2\n')
const FILE = { filename: 't.csv', mimeType: 'text/csv', size: CONTENT.length }

async function* inPieces(...pieces: readonly (string | Buffer)[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) yield Buffer.from(piece)
}

const links = {
  create: async () => ({ url: '', expiresAt: EXPIRES }),
  createUpload: async ({ uploadId }: { uploadId: string }) => ({
    url: `https://h.test/uploads/of-${uploadId}`,
    expiresAt: EXPIRES
  })
}

t.test('a file comes once, whole, and is read as often as it is wanted', async (t) => {
  const uploads = new Uploads(new FakeClock())
  const id = uploads.open(FILE)
  t.throws(() => uploads.read(id), { code: 'not_found', message: /yet/ })
  const sha256 = await uploads.receive(id, inPieces('a,b\n', '1,2\n'))
  t.equal(sha256, createHash('sha256').update(CONTENT).digest('hex'))
  t.match(uploads.read(id), { ...FILE, content: CONTENT })
  t.match(uploads.read(id), { content: CONTENT })
  t.equal(await uploads.receive(id, inPieces('a,', 'b\n1,2\n')), sha256, 'the same one again')
  for (const other of [['a,b\n1,3\n'], ['a,b\n'], [CONTENT, 'x']])
    await t.rejects(uploads.receive(id, inPieces(...other)), { code: 'invalid_argument' })
  t.match(uploads.read(id), { content: CONTENT }, 'another one changes nothing')
  await t.rejects(uploads.receive('other', inPieces(CONTENT)), { code: 'not_found' })
})

t.test('one of another size, or broken off, leaves the place as it was', async (t) => {
  const uploads = new Uploads(new FakeClock())
  const id = uploads.open(FILE)
  await t.rejects(uploads.receive(id, inPieces('a,b\n')), { code: 'invalid_argument' })
  let asked = 0
  const endless = async function* () {
    for (;;) {
      asked += 1
      yield CONTENT
    }
  }
  await t.rejects(uploads.receive(id, endless()), { code: 'invalid_argument' })
  t.equal(asked, 2, 'what is too long is not read to its end')
  const broken = async function* () {
    yield Buffer.from('a')
    throw new Error('gone')
  }
  await t.rejects(uploads.receive(id, broken()), { message: 'gone' })
  const waits = Promise.withResolvers<void>()
  const slow = async function* () {
    await waits.promise
    yield CONTENT
  }
  const arriving = uploads.receive(id, slow())
  await t.rejects(uploads.receive(id, inPieces(CONTENT)), { code: 'rate_limited' }, 'one at a time')
  const answer = await serveUpload(
    new Request(`http://worker/upload?uploadId=${id}`, { method: 'PUT', body: CONTENT }),
    (name, chunks) => uploads.receive(name, chunks)
  )
  // RFC 9110 §15.5.10: it may be sent again; 404 would say that the place is gone.
  t.equal(answer.status, 409, 'and whoever is too early is told to try again')
  waits.resolve()
  await arriving
  t.match(uploads.read(id), { content: CONTENT })
})

t.test('places end with their time, and files with theirs', async (t) => {
  const clock = new FakeClock()
  const uploads = new Uploads(clock)
  const late = uploads.open(FILE)
  clock.advance(10 * 60_000)
  await t.rejects(uploads.receive(late, inPieces(CONTENT)), { code: 'not_found' })
  const id = uploads.open(FILE)
  await uploads.receive(id, inPieces(CONTENT))
  clock.advance(30 * 60_000 - 1)
  t.ok(uploads.read(id))
  clock.advance(1)
  t.throws(() => uploads.read(id), { code: 'not_found' })
})

t.test('all together take no more room than there is; what was sent gives way', async (t) => {
  const uploads = new Uploads(new FakeClock())
  const large = { ...FILE, size: 18_000_000 }
  t.throws(() => uploads.open({ ...FILE, size: 18_000_001 }), { code: 'too_large' })
  const first = uploads.open(large)
  await uploads.receive(first, inPieces(Buffer.alloc(18_000_000)))
  uploads.open(large)
  t.throws(() => uploads.open(FILE), { code: 'too_large', message: /wait/ })
  uploads.read(first)
  uploads.open(FILE)
  t.throws(() => uploads.read(first), { code: 'not_found' })
})

t.test('a message takes an upload, under another name if that is wanted', async (t) => {
  const session = await openGmailSession(t, { links, level: 'gmail.draft' })
  const made = await session.call('create_attachment_upload', { ...FILE, size: String(FILE.size) })
  const uploadId = String(made.data.uploadId)
  t.match(made.data, {
    url: `https://h.test/uploads/of-${uploadId}`,
    expiresAt: EXPIRES,
    maxBytes: 8
  })
  const draft = (attachment: object) =>
    session.call('draft_email', {
      to: ['bo@out.test'],
      subject: 'Table',
      body: 'See.',
      attachments: [attachment]
    })
  t.match((await draft({ uploadId })).data, { code: 'not_found' }, 'nothing came yet')
  await session.program.receiveUpload(uploadId, inPieces(CONTENT))
  const saved = await draft({ uploadId, filename: 'numbers.csv' })
  t.notOk(saved.isError, saved.text)
  const { data } = await session.call('get_draft', { draftId: saved.data.draftId })
  t.match(data, { attachments: [{ filename: 'numbers.csv', mimeType: 'text/csv', size: 8 }] })
  for (const wrong of [{ uploadId: 'other' }, { uploadId, fromMessageId: '1' }, {}])
    t.ok((await draft(wrong)).isError, JSON.stringify(wrong))
})

t.test('what cannot be is said before there is an address', async (t) => {
  const session = await openGmailSession(t, { links })
  for (const wrong of [
    { ...FILE, size: 0 },
    { ...FILE, size: 20_000_000 },
    { ...FILE, filename: '../x' },
    { ...FILE, mimeType: 'text/csv\r\nBcc: x@y.test' }
  ])
    t.match((await session.call('create_attachment_upload', wrong)).data, {
      code: 'invalid_argument'
    })
  const local = await openGmailSession(t, { sandbox: session.sandbox })
  const answer = await local.call('create_attachment_upload', FILE)
  t.match(answer.data, { code: 'invalid_argument', message: /contentBase64/ })
})
