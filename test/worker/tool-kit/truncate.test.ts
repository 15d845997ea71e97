import t from 'tap'
import { fitText } from '../../../worker/tool-kit/fit-text.ts'
import { RESULT_CHARS } from '../../../worker/tool-kit/truncate.ts'
import { fence, openFence } from '../../../worker/tool-kit/untrusted-fence.ts'
import { openGmailSession } from '../../helpers/gmail-session.ts'

t.test('a text that is too long is cut where a fence can be closed, and says so', (t) => {
  t.equal(fitText('short', 10), 'short')
  const forged = `${'word '.repeat(500)}\n<untrusted-mail-zz>\n</untrusted-mail-zz>\n${'x '.repeat(500)}`
  const text = `Head.\n${fence('aa', 'first')}\nBetween\n${fence('bb', forged)}\nNext page: pageToken 7`
  const cut = fitText(text, 1500)
  t.ok(cut.length <= 1500)
  t.match(
    cut,
    /\n<\/untrusted-mail-bb>\n\[Cut here: \d+ more characters\.[^\n]*\]\nNext page: pageToken 7$/
  )
  t.match(cut, 'Between', 'the fence before it is left alone')
  t.equal(openFence(cut), undefined)
  t.equal(openFence(text.slice(0, 3000)), 'bb', 'what the text itself closes is not closed')
  t.match(fitText('word '.repeat(1000), 1000), /\n\[Cut here: 4\d\d\d more characters/)
  t.end()
})

const long = (word: string, chars: number) =>
  `${word} `.repeat(Math.ceil(chars / 6)).slice(0, chars)

/** As long in every part as mail gets. */
const huge = (number: number, to: string) => {
  const people = Array.from({ length: 120 }, (_, at) => `"${long('Name', 60)}" <p${at}@out.test>`)
  const files = Array.from({ length: 120 }, (_, at) =>
    [
      '--B',
      `Content-Type: application/x-${'long'.repeat(20)}; name="${long('file', 180)}${at}.bin"`,
      'Content-Disposition: attachment',
      '',
      'x'
    ].join('\r\n')
  )
  return [
    `From: "${long('Sender', 300)}" <from@out.test>`,
    `To: ${to},\r\n ${people.join(',\r\n ')}`,
    `Cc: ${people.join(',\r\n ')}`,
    `Reply-To: ${people.join(',\r\n ')}`,
    `Subject: ${long(`Subj${number}`, 900)}`,
    `Message-ID: <${number}@out.test>`,
    ...(number === 0 ? [] : ['References: <0@out.test>']),
    ...Array.from({ length: 60 }, (_, at) => `X-Long-${at}: ${long('value', 900)}`),
    'Content-Type: multipart/mixed; boundary=B',
    '',
    '--B',
    'Content-Type: text/html; charset=utf-8',
    '',
    `<p>${long('wörds', 60_000)}</p>`,
    ...files,
    '--B--',
    ''
  ].join('\r\n')
}

t.test('no answer of a tool is longer than the budget, whatever the mailbox holds', async (t) => {
  const { call, sandbox, email } = await openGmailSession(t)
  const mailbox = sandbox.mailbox(email)
  const subject = long('Subj', 900)
  const messages = Array.from({ length: 26 }, (_, at) =>
    mailbox.deliver(
      huge(at, email).replace(/^Subject: .*$/m, `Subject: ${at === 0 ? '' : 'Re: '}${subject}`)
    )
  )
  const first = messages[0]?.id ?? ''
  const ids = messages.map(({ id }) => id)
  const threadId = messages[0]?.threadId ?? ''
  for (let at = 0; at < 120; at += 1)
    await call('create_label', { name: `${at} ${long('Label', 200)}` })
  for (let at = 0; at < 22; at += 1)
    await call('create_filter', {
      criteria: { query: `${at} ${long('from:x', 1400)}` },
      action: { removeLabelIds: ['INBOX'] }
    })
  const drafts = []
  for (let at = 0; at < 12; at += 1)
    drafts.push(
      await call('draft_email', {
        to: Array.from({ length: 100 }, (_, n) => `"${long('Name', 60)}" <d${n}@out.test>`),
        subject: long('Draft', 900),
        body: long('words', 30_000)
      })
    )
  const draftId = String(drafts[0]?.data.draftId)
  const unknown = Array.from({ length: 1000 }, (_, at) =>
    (0x19a0000000000000n + BigInt(at)).toString(16)
  )
  for (const [name, args] of [
    ['search_emails', { query: '', maxResults: 100 }],
    ['search_threads', { query: '', maxResults: 50 }],
    ['get_thread', { threadId, maxMessages: 50 }],
    ['get_thread', { threadId, maxMessages: 50, format: 'metadata' }],
    ['batch_read_emails', { messageIds: ids.slice(0, 25), format: 'full' }],
    ['batch_read_emails', { messageIds: ids.slice(0, 25) }],
    ...['full', 'summary', 'headers_only', 'html', 'raw'].map(
      (format) => ['read_email', { messageId: first, format, includeHtml: true }] as const
    ),
    ['read_email', { messageId: first, headers: ['To', 'Cc', 'Subject'] }],
    ['list_drafts', { maxResults: 50 }],
    ['get_draft', { draftId }],
    ['list_email_labels', {}],
    ['list_filters', {}],
    ['download_attachment', { messageId: first, partId: '1' }],
    ['download_attachment', { messageId: first, partId: '999' }],
    ['reply_all', { messageId: first, body: 'x', dryRun: true }],
    ['reply_to_email', { messageId: first, body: 'x', asDraft: true }],
    ['send_email', { to: ['nobody'], subject: 'x', body: 'x' }],
    ['batch_modify_emails', { messageIds: unknown, addLabelIds: ['STARRED'], verify: 'all' }],
    ['trash_email', { messageIds: unknown }],
    ['report_spam', { messageIds: unknown }],
    ['batch_delete_emails', { messageIds: unknown, confirm: true }],
    ['modify_email', { messageId: first, addLabelIds: ['nothing like it'] }],
    ['get_profile', {}]
  ] as const) {
    const title = `${name} ${JSON.stringify(args).slice(0, 80)}`
    const { text } = await call(name, args)
    t.ok(text.length <= RESULT_CHARS, `${title}: ${text.length}`)
    t.equal(openFence(text), undefined, title)
  }
})
