import { fileURLToPath } from 'node:url'
import { deflateSync } from 'node:zlib'
import t from 'tap'
import { systemClock } from '#shared/clock.ts'
import { DocumentReader } from '../../worker/mime/documents/document-reader.ts'
import { pdfOf, shown, tnef, word, workbook, zip } from '../helpers/make-documents.ts'

const threadFile = fileURLToPath(
  new URL('../../worker/mime/documents/document-tasks.ts', import.meta.url)
)
const reader = new DocumentReader({ threadFile, clock: systemClock })
t.teardown(() => reader.close())
let count = 0
const read = (bytes: Buffer) => {
  count += 1
  return reader.read(String(count), bytes, new AbortController().signal)
}

t.test(
  'hostile files end within their limits, with text or with an error that is known',
  async (t) => {
    const row = '<row><c><v>12345678</v></c><c><v>12345678</v></c></row>'
    const sheet = Buffer.alloc(100_000_000, row)
    const zeros = Buffer.alloc(150_000_000)
    const bomb = zip({ inner: zeros })
    const files: Record<string, Buffer> = {
      'a sheet of 100 MB': workbook(sheet),
      'a document that unpacks to 150 MB': zip({ 'word/document.xml': zeros }),
      'one that says it is small': zip({ 'word/document.xml': Buffer.alloc(20_000_000, 'x') }, 10),
      'an archive in an archive in an archive': zip({ 'a.zip': zip({ 'b.zip': bomb }) }),
      'many files': zip(
        Object.fromEntries(Array.from({ length: 12_000 }, (_, n) => [`f${n}`, '']))
      ),
      laughs: word(
        `<!DOCTYPE x [<!ENTITY a "lol"><!ENTITY b "${'&a;'.repeat(1000)}">]><w:p><w:t>${'&b;'.repeat(1000)}</w:t></w:p>`
      ),
      'deep XML': word('<w:p>'.repeat(200_000)),
      'endless text': word(`<w:p><w:t>${'word '.repeat(4_000_000)}</w:t></w:p>`),
      'ten thousand pages': pdfOf(Array.from({ length: 10_000 }, (_, n) => shown(`Page ${n}`))),
      'a PDF of which a page unpacks to 150 MB': pdfOf([deflateSync(zeros)], '/Filter/FlateDecode'),
      'a broken PDF': Buffer.from(`%PDF-1.7\n${'1 0 obj<</Kids[1 0 R]>>'.repeat(10_000)}`),
      'a PDF whose pages lead to themselves': Buffer.from(
        '%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Count 9/Kids[2 0 R]>>endobj\ntrailer<</Root 1 0 R>>'
      ),
      'deep RTF': Buffer.from(`{\\rtf1${'{'.repeat(2_000_000)}`),
      'RTF of nothing but letters': Buffer.from(`{\\rtf1 ${"\\'e9".repeat(1_500_000)}}`),
      'a broken winmail.dat': tnef([]).fill(0xff, 6),
      'one that is cut': tnef([[0x0002800c, 'Words']]).subarray(0, 17),
      'a broken compound file': Buffer.concat([
        Buffer.from('d0cf11e0a1b11ae1', 'hex'),
        Buffer.alloc(5000, 0xff)
      ]),
      'a broken archive': Buffer.concat([
        Buffer.from('PK\x03\x04', 'latin1'),
        Buffer.alloc(1000, 7)
      ]),
      'a mail of parts in parts': Buffer.from(
        `Subject: x\r\n${'Content-Type: multipart/mixed; boundary=B\r\n\r\n--B\r\n'.repeat(20_000)}`
      ),
      'nothing known': Buffer.from([0, 1, 2, 3]),
      nothing: Buffer.alloc(0)
    }
    for (const [name, bytes] of Object.entries(files)) {
      const answer = await read(bytes).then(
        ({ text, cut }) => ({ length: text.length, cut }),
        ({ code }) => ({ code })
      )
      if ('length' in answer) t.ok(answer.length <= 1_000_000, `${name}: ${JSON.stringify(answer)}`)
      else t.match(answer.code, /^(invalid_argument|too_large)$/, `${name}: ${answer.code}`)
    }
    t.match(
      await read(word('<w:p><w:t>still</w:t></w:p>')),
      { text: 'still' },
      'and then it goes on'
    )
  }
)
