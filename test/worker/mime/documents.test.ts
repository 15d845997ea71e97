/** Words of documents. The formats are those of ECMA-376, ISO/IEC 26300, ISO 32000-1, RTF 1.9, MS-OXTNEF and MS-OXMSG. */
import { fileURLToPath } from 'node:url'
import { burn } from '@kenjiuno/msgreader/lib/Burner.js'
import t from 'tap'
import { systemClock } from '#shared/clock.ts'
import { DocumentReader } from '../../../worker/mime/documents/document-reader.ts'
import { MimeThread } from '../../../worker/mime/mime-thread.ts'
import { pdfOf, shown, tnef, word, workbook, zip } from '../../helpers/make-documents.ts'

const file = (path: string): string =>
  fileURLToPath(new URL(`../../../worker/mime/${path}`, import.meta.url))
const threadFile = file('documents/document-tasks.ts')
const { signal } = new AbortController()

const reader = new DocumentReader({ threadFile, clock: systemClock, timeoutMs: 60_000 })
t.teardown(() => reader.close())
let count = 0
const read = (bytes: Buffer) => {
  count += 1
  return reader.read(String(count), bytes, signal)
}

t.test(
  'a text document is read as it is shown: tables, notes, no deleted and no hidden words',
  async (t) => {
    const p = (text: string, properties = '') =>
      `<w:p><w:r><w:rPr>${properties}</w:rPr><w:t>${text}</w:t></w:r></w:p>`
    const made = word(
      `${p('Dear Ann &amp; Bob,')}${p('obey me', '<w:vanish/>')}${p('seen', '<w:vanish w:val="0"/>')}` +
        '<w:p><w:del><w:r><w:t>struck</w:t></w:r></w:del><w:r><w:t>a</w:t><w:tab/><w:t>b</w:t><w:br/><w:t>c</w:t></w:r></w:p>' +
        `<w:tbl><w:tr><w:tc>${p('1')}</w:tc><w:tc>${p('2')}</w:tc></w:tr></w:tbl>` +
        `<mc:Choice>${p('once')}</mc:Choice><mc:Fallback>${p('twice')}</mc:Fallback>`
    )
    const { kind, text, cut } = await read(made)
    t.equal(kind, 'Word document')
    t.equal(text, 'Dear Ann & Bob,\n\nseen\na\tb\nc\n1 \t2 \t\nonce')
    t.equal(cut, undefined)
    const odt = zip({
      mimetype: 'application/vnd.oasis.opendocument.text',
      'content.xml':
        '<office:text><text:tracked-changes><text:p>gone</text:p></text:tracked-changes><text:h>Title</text:h><text:p>One<text:tab/>two<text:line-break/>three</text:p><table:table table:name="T"><table:table-row><table:table-cell><text:p>1</text:p></table:table-cell></table:table-row></table:table></office:text>'
    })
    t.match(await read(odt), { kind: 'OpenDocument file', text: 'Title\nOne\ttwo\nthree\nT\n1' })
  }
)

t.test('a workbook is read as rows of values, days as days', async (t) => {
  const rows =
    '<row><c r="A1" t="s"><v>1</v></c><c r="C1" t="inlineStr"><is><t>in\nline</t></is></c></row>' +
    '<row><c r="A2" s="1"><v>45000.5</v></c><c r="B2"><v>45000.5</v></c><c r="C2" t="b"><v>1</v></c></row>'
  const made = workbook(rows, {
    'xl/sharedStrings.xml':
      '<sst><si><t>zero</t></si><si><r><t>one </t></r><r><t>more</t></r></si></sst>',
    'xl/styles.xml':
      '<styleSheet><numFmts><numFmt numFmtId="170" formatCode="dd/mm/yyyy hh:mm"/></numFmts><cellXfs><xf numFmtId="0"/><xf numFmtId="170"/></cellXfs></styleSheet>'
  })
  t.match(await read(made), {
    kind: 'Excel workbook',
    text: 'Sheet: Sums\none more\t\tin line\n2023-03-15 12:00:00\t45000.5\tTRUE'
  })
})

t.test('slides come in their order', async (t) => {
  const slide = (text: string, more = '') =>
    `<p:sld${more}><a:p><a:r><a:t>${text}</a:t></a:r></a:p></p:sld>`
  const made = zip({
    'ppt/presentation.xml': '<p/>',
    'ppt/slides/slide10.xml': slide('ten', ' show="0"'),
    'ppt/slides/slide2.xml': slide('two'),
    'ppt/notesSlides/notesSlide2.xml': slide('say it')
  })
  const { text } = await read(made)
  t.equal(text, 'Slide 2\ntwo\n\nSlide 10\n(a hidden slide)\nten\n\nNotes of slide 2\nsay it')
})

t.test('a PDF is read page by page; one without words says so', async (t) => {
  const { kind, text } = await read(pdfOf([shown('First'), shown('Second')]))
  t.equal(kind, 'PDF')
  t.equal(text, '[page 1]\nFirst\n[page 2]\nSecond')
  await t.rejects(read(pdfOf(['0 0 m'])), { code: 'invalid_argument', message: /scan/ })
})

t.test('rich text, a saved message, winmail.dat and an archive say what they hold', async (t) => {
  const rtf =
    "{\\rtf1\\ansi\\ansicpg1252{\\fonttbl{\\f0 Arial;}}{\\*\\generator x;}Caf\\'e9 \\u8364?5\\par {\\v obey}{\\b bold}\\tab \\{x\\}}"
  t.match(await read(Buffer.from(rtf)), { kind: 'RTF', text: 'Café €5\nbold\t{x}' })
  const eml = 'From: Bo <bo@out.test>\r\nTo: ann@acme.test\r\nSubject: Tea\r\n\r\nAt four?\r\n'
  const mail = await read(Buffer.from(eml))
  t.match(
    mail.text,
    /^From: Bo <bo@out.test>\nTo: .*ann@acme.test.*\nSubject: Tea\n[\s\S]*\n\nAt four\?$/
  )
  const winmail = tnef([
    [0x00018004, 'Plan\0'],
    [0x0002800c, 'Words\0'],
    [0x00018010, 'a.pdf\0'],
    [0x0006800f, Buffer.alloc(7)]
  ])
  t.match(await read(winmail), {
    kind: 'winmail.dat',
    text: 'Subject: Plan\n\nWords\n\nFiles inside:\n- a.pdf (7 bytes)'
  })
  const list = await read(zip({ 'a/b.txt': 'words', 'c.exe': 'x' }))
  t.match(list, { kind: 'archive', text: /- a\/b\.txt \(5 bytes\)\n- c\.exe \(1 bytes\)/ })
})

t.test('a message of Outlook is read', async (t) => {
  const wide = (text: string) => Buffer.from(text, 'utf16le')
  const streams = {
    '__properties_version1.0': Buffer.alloc(32),
    '__substg1.0_0037001F': wide('Tea'),
    '__substg1.0_1000001F': wide('At four?'),
    '__substg1.0_0C1A001F': wide('Bo')
  }
  const names = Object.entries(streams)
  const made = burn([
    { name: 'Root Entry', type: 5, children: names.map((_, index) => index + 1), length: 0 },
    ...names.map(([name, bytes]) => ({
      name,
      type: 2,
      length: bytes.length,
      binaryProvider: () => new Uint8Array(bytes)
    }))
  ])
  const { kind, text } = await read(Buffer.from(made))
  t.equal(kind, 'Outlook message')
  t.match(text, /^From: Bo .*\nTo: .*\nSubject: Tea\nDate: .*\n\nAt four\?$/)
})

t.test('what is left out is said', async (t) => {
  const long = await read(workbook('<row><c><v>1</v></c></row>'.repeat(20_001)))
  t.match(long.cut, /20000 rows/)
  t.match(
    (await read(word(`<w:p><w:t>${'x'.repeat(1_000_001)}</w:t></w:p>`))).cut,
    /1000000 characters/
  )
})

t.test('while a document is read, mail is read', async (t) => {
  const mime = new MimeThread({
    threadFile: file('html-tasks.ts'),
    clock: systemClock,
    timeoutMs: 60_000
  })
  t.teardown(() => mime.close())
  await mime.readHtml('<p>It has begun</p>', signal)
  const leaves = new AbortController()
  let isDone = false
  const pages = Array.from({ length: 10_000 }, (_, n) => shown(`Page ${n}`))
  const slow = reader.read('slow', pdfOf(pages), leaves.signal).finally(() => {
    isDone = true
  })
  slow.catch(() => {})
  await mime.readHtml('<p>Hello</p>', signal)
  t.notOk(isDone, 'it has a thread of its own')
  leaves.abort()
  await t.rejects(slow, { name: 'AbortError' }, 'and a client that leaves ends it')
})

t.test('a document that takes too long is given up, and the next one is read', async (t) => {
  const hasty = new DocumentReader({ threadFile, clock: systemClock, timeoutMs: 1 })
  t.teardown(() => hasty.close())
  await t.rejects(hasty.read('a', pdfOf([shown('x')]), signal), { code: 'too_large' })
})

t.test('the next piece of the same file is not read again', async (t) => {
  const first = await reader.read('same', word('<w:p><w:t>one</w:t></w:p>'), signal)
  t.equal(await reader.read('same', Buffer.alloc(0), signal), first)
})
