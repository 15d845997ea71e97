/**
 * The forms of an attachment. Which of them clients show was seen in real ones (docs/clients.md, Attachments): images
 * as image content reach most models, other files do as a link, and base64 reaches models as noise.
 */
import { lstatSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { PNG, pdf } from '../../../ops/sandbox/seed/files.ts'
import { filesDirectory } from '../../../ops/stdio/files-directory.ts'
import { type GmailSessionOptions, openGmailSession } from '../../helpers/gmail-session.ts'

const PDF = pdf('Paper')
const EXPIRES = '2026-11-28T20:00:00.000Z'
const link = async () => ({ url: 'https://h.test/attachments/x', expiresAt: EXPIRES })
const links = { create: link, createUpload: link }

const part = (mimeType: string, filename: string, content: Buffer) => [
  '--B',
  `Content-Type: ${mimeType}`,
  `Content-Disposition: attachment; filename="${filename}"`,
  'Content-Transfer-Encoding: base64',
  '',
  content.toString('base64').replace(/.{76}/g, '$&\r\n')
]

/** A message with files: 1 is a picture, 2 a paper, 3 a paper called a picture, 4 large, 5 a table. */
async function open(t: Test, options: GmailSessionOptions = {}) {
  const session = await openGmailSession(t, options)
  const { id } = session.sandbox
    .mailbox(session.email)
    .deliver(
      [
        'From: Bo <bo@out.test>',
        'Subject: files',
        'MIME-Version: 1.0',
        'Content-Type: multipart/mixed; boundary=B',
        '',
        '--B',
        'Content-Type: text/plain',
        '',
        'See.',
        ...part('image/jpeg', 'i.jpg', PNG),
        ...part('application/pdf', 'p.pdf', PDF),
        ...part('image/png', 'no-picture.png', PDF),
        ...part('application/zip', 'large.zip', Buffer.alloc(40_000, 7)),
        ...part('text/csv', 't.csv', Buffer.from('a,b\n')),
        '--B--',
        ''
      ].join('\r\n')
    )
  return (args: Record<string, unknown>) =>
    session.call('download_attachment', { messageId: id, ...args })
}

const times = (content: Buffer, answer: unknown): number =>
  JSON.stringify(answer).split(content.toString('base64')).length - 1

t.test('an image comes as an image of the type that its bytes have, once', async (t) => {
  const get = await open(t, { links })
  const image = await get({ partId: '1' })
  t.match(image.data, { delivery: 'image', filename: 'i.jpg', size: PNG.length, sha256: String })
  t.match(image.content[1], { type: 'image', mimeType: 'image/png', data: PNG.toString('base64') })
  t.equal(times(PNG, image), 1)
  t.match(image.text, /If you see no image here, use delivery link\./)
  t.match((await get({ partId: '1', delivery: 'image' })).content[1], { type: 'image' })
})

t.test('what is called an image and is none is never sent as one', async (t) => {
  const get = await open(t, { links })
  t.match((await get({ partId: '3' })).data, { delivery: 'link' })
  t.match((await get({ partId: '3', delivery: 'image' })).data, { code: 'invalid_argument' })
  const inline = await get({ partId: '3', delivery: 'inline' })
  t.match(inline.content[1], { type: 'resource', resource: { mimeType: 'image/png' } })
})

t.test('other files come as a link, which every client shows', async (t) => {
  const get = await open(t, { links })
  const file = await get({ partId: '4' })
  t.match(file.data, { delivery: 'link', url: /^https:/, expiresAt: EXPIRES, partId: '4' })
  t.match(file.text, /https:\/\/h\.test\/attachments\/x/)
  t.equal(file.content.length, 1)
  const paper = await get({ partId: '2' })
  t.match(paper.data, { delivery: 'text', text: '[page 1]\nPaper', mimeType: 'application/pdf' })
  t.match(paper.text, /The file itself: delivery link\./)
  t.match((await get({ partId: '5' })).data, { delivery: 'text', text: 'a,b\n' })
})

t.test(
  'without links a small file is embedded once, and a large one asks for a wish',
  async (t) => {
    const get = await open(t)
    const file = await get({ partId: '3' })
    t.match(file.data, { delivery: 'inline', contentBase64: undefined })
    t.match(file.content[1], {
      type: 'resource',
      resource: { uri: /^gmail:\/\/attachment\/[0-9a-f]+\/3$/, mimeType: 'image/png' }
    })
    t.equal(times(PDF, file), 1)
    t.match((await get({ partId: '4' })).data, { code: 'too_large', message: /delivery inline/ })
    t.match((await get({ partId: '4', delivery: 'inline' })).data, { contentBase64: String })
    t.match((await get({ partId: '2', delivery: 'file' })).data, { code: 'invalid_argument' })
  }
)

t.test('a part may be named by a number, which some clients make of it', async (t) => {
  // Seen: the Inspector's command line reads --tool-arg partId=5 as JSON.
  const get = await open(t)
  t.match((await get({ partId: 5 })).data, { delivery: 'text', partId: '5' })
  const missing = await get({ partId: 9 })
  t.match(missing.data, { code: 'not_found', message: /partId 1: i\.jpg .*\n.*partId 2: p\.pdf/ })
})

t.test('a local server saves files where the person said, and nowhere else', async (t) => {
  const directory = join(t.testdir(), 'mail files')
  const files = filesDirectory(directory)
  if (!files) throw new Error('there is a directory')
  const get = await open(t, { files })
  const first = await get({ partId: '2', delivery: 'file' })
  t.match(first.data, { delivery: 'file', path: join(directory, 'p.pdf') })
  t.match(first.text, /<untrusted-mail-(\w+)>\n.*\nSaved as .*p\.pdf\n<\/untrusted-mail-\1>/)
  t.same(readFileSync(join(directory, 'p.pdf')), PDF)
  t.equal(lstatSync(join(directory, 'p.pdf')).mode & 0o777, 0o600)
  t.match((await get({ partId: '2', delivery: 'file' })).data, {
    path: join(directory, 'p (2).pdf')
  })
  t.match((await get({ partId: '1' })).text, /use delivery file/)
  t.match((await get({ partId: '1', delivery: 'file' })).data, { path: join(directory, 'i.jpg') })
})

t.test('a saved name leaves its directory never, and replaces nothing', async (t) => {
  const root = t.testdir({ outside: 'kept' })
  const directory = join(root, 'files')
  mkdirSync(directory)
  symlinkSync(join(root, 'outside'), join(directory, 'link.txt'))
  const files = filesDirectory(directory)
  const save = (name: string) => files?.save(name, Buffer.from('new'))
  t.equal(await save('link.txt'), join(directory, 'link (2).txt'))
  t.equal(readFileSync(join(root, 'outside'), 'utf8'), 'kept')
  t.equal(await save('../../etc/passwd'), join(directory, 'passwd'))
  t.equal(await save('..'), join(directory, 'attachment'))
  t.equal(await save('.env'), join(directory, '.env'))
  const long = (await save(`${'漢'.repeat(150)}.pdf`)) ?? ''
  t.ok(Buffer.byteLength(long.slice(directory.length + 1)) <= 255)
  t.match(long, /漢\.pdf$/)
  t.equal(filesDirectory(''), undefined)
  t.throws(() => filesDirectory('relative'), { code: 'ERR_CONFIG' })
  t.throws(() => filesDirectory(join(root, 'outside')), { code: 'ERR_CONFIG' })
})
