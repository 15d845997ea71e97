import t from 'tap'
import { pdfOf, shown, word, workbook } from '../helpers/make-documents.ts'
import { openOneMailbox } from '../helpers/one-mailbox.ts'

const FILES: readonly (readonly [name: string, content: Buffer])[] = [
  ['invoice.pdf', pdfOf([shown('Sum: 42 EUR')])],
  ['letter.docx', word('<w:p><w:r><w:t>Dear Ada</w:t></w:r></w:p>')],
  ['sums.xlsx', workbook('<row><c><v>7</v></c></row>')],
  ['text.rtf', Buffer.from('{\\rtf1 Rich}')],
  ['saved.eml', Buffer.from('From: bo@out.test\r\nSubject: Saved\r\n\r\nSaved words\r\n')],
  ['broken.pdf', Buffer.from('%PDF-1.4 nothing')]
]
const MAIL = [
  'From: Bea <bea@elsewhere.example>',
  'Subject: Files',
  'MIME-Version: 1.0',
  'Content-Type: multipart/mixed; boundary=b',
  ...FILES.flatMap(([name, content]) => [
    '',
    '--b',
    'Content-Type: application/octet-stream',
    `Content-Disposition: attachment; filename="${name}"`,
    'Content-Transfer-Encoding: base64',
    '',
    content.toString('base64')
  ]),
  '--b--',
  ''
].join('\r\n')

t.test('the words of documents reach a client, whatever type their sender gave', async (t) => {
  const { mailbox, call } = await openOneMailbox(t)
  const { id: messageId } = mailbox.deliver(MAIL)
  const get = (filename: string, more = {}) =>
    call('download_attachment', { messageId, filename, ...more })
  t.match(await get('invoice.pdf'), { delivery: 'text', text: '[page 1]\nSum: 42 EUR' })
  t.match(await get('letter.docx'), { delivery: 'text', text: 'Dear Ada' })
  t.match(await get('sums.xlsx'), { delivery: 'text', text: 'Sheet: Sums\n7' })
  t.match(await get('text.rtf'), { delivery: 'text', text: 'Rich' })
  t.match(await get('saved.eml'), { delivery: 'text', text: /Saved words/ })
  t.match(await get('invoice.pdf', { delivery: 'link' }), { url: /attachments/ })
  t.match(await get('broken.pdf'), { delivery: 'link', url: /attachments/ }, 'the file itself')
  t.match(await get('broken.pdf', { delivery: 'text' }), {
    code: 'invalid_argument',
    message: /broken/
  })
})
