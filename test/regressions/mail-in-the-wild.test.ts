/**
 * Mail as programs and services of today write it. What is right follows from the RFC that a title names, or from what a
 * person sees in that program.
 */
import t, { type Test } from 'tap'
import { openGmailSession } from '../helpers/gmail-session.ts'

const CRLF = '\r\n'
const TEXT = 'text/plain; charset=utf-8'
const HTML = 'text/html; charset=utf-8'
const part = (type: string, body: string, ...headers: string[]) =>
  [`Content-Type: ${type}`, ...headers, '', body].join(CRLF)
const multi = (kind: string, boundary: string, ...parts: string[]) =>
  part(
    `multipart/${kind}; boundary="${boundary}"`,
    `${parts.map((each) => `--${boundary}${CRLF}${each}${CRLF}`).join('')}--${boundary}--${CRLF}`
  )

interface Told {
  readonly id: string
  readonly body: string
}

async function open(t: Test) {
  const { sandbox, email, call } = await openGmailSession(t, { empty: true })
  let count = 0
  const put = (content: string, ...headers: string[]) => {
    const given = (name: string) => headers.some((each) => each.startsWith(`${name}:`))
    count += 1
    const head = [
      ...(given('From') ? [] : ['From: Ada <ada@out.test>']),
      ...(given('To') ? [] : [`To: ${email}`]),
      ...(given('Subject') ? [] : [`Subject: wild ${count}`]),
      `Message-ID: <wild-${count}@out.test>`,
      ...(given('Date') ? [] : ['Date: Tue, 17 Nov 2026 10:00:00 +0000']),
      'MIME-Version: 1.0',
      ...headers
    ]
    return sandbox.mailbox(email).deliver(Buffer.from(`${head.join(CRLF)}${CRLF}${content}`))
  }
  const read = async (content: string, ...headers: string[]) =>
    (await call('read_email', { messageId: put(content, ...headers).id })).data
  /** What is told of the answer to a message. */
  const answer = async (old: string, text: string, type = TEXT): Promise<string | undefined> => {
    const lines = (written: string) => written.replaceAll('\n', CRLF)
    const { threadId } = put(part(TEXT, lines(old)))
    const before = `<wild-${count}@out.test>`
    put(
      part(type, lines(text)),
      `Subject: Re: wild ${count}`,
      `In-Reply-To: ${before}`,
      `References: ${before}`
    )
    const { data } = await call('get_thread', { threadId })
    return (data.messages as Told[])[1]?.body
  }
  const recipients = async (...headers: string[]) => {
    const { id } = put(part(TEXT, 'x'), ...headers)
    const { data } = await call('reply_all', { messageId: id, body: 'y', dryRun: true })
    return data
  }
  return { call, put, read, answer, recipients }
}

const OLD = 'Shall we meet on Friday at the harbour?\nBring the papers of the boat, please.\n\nAnn'
const QUOTED = OLD.replace(/^/gm, '> ')

t.test('answers of many programs, without what they quote', async (t) => {
  const { answer } = await open(t)
  for (const [program, text] of Object.entries({
    'Gmail on a phone': `Yes, at nine.\n\nOn Mon, Nov 16, 2026, 10:00 AM Ann <a@x.test> wrote:\n\n${QUOTED}`,
    'Apple Mail': `Yes, at nine.\n\n> On 16 Nov 2026, at 10:00, Ann <a@x.test> wrote:\n> \n${QUOTED}`,
    'Mail on a phone': `Yes, at nine.\n\nSent from my iPhone\n\n> On 16 Nov 2026, at 10:00 AM, Ann <a@x.test> wrote:\n> \n> \ufeff\n${QUOTED}`,
    Yahoo: `Yes, at nine.\n    On Monday, November 16, 2026 at 10:00:00 AM GMT+1, Ann <a@x.test> wrote:  \n \n ${OLD.replaceAll('\n', '\n ')}`,
    Proton: `Yes, at nine.\n\nSent with Proton Mail secure email.\n\nOn Monday, November 16th, 2026 at 10:00, Ann <a@x.test> wrote:\n\n${QUOTED}`,
    Thunderbird: `Yes, at nine.\n\nAm 16.11.26 um 10:00 schrieb Ann:\n${QUOTED}`,
    'Outlook on a phone': `Yes, at nine.\n\nGet Outlook for iOS<https://aka.ms/o0ukef>\n________________________________\nFrom: Ann <a@x.test>\nSent: Monday, November 16, 2026 10:00:00 AM\nTo: Bo <b@x.test>\nSubject: Re: wild\n\n${OLD}`,
    Samsung: `Yes, at nine.\n\n-------- Original message --------\nFrom: Ann <a@x.test> \nDate: 16/11/2026 10:00 (GMT+01:00) \nTo: Bo <b@x.test> \nSubject: Re: wild \n\n${OLD}`,
    Horde: `Yes, at nine.\n\nQuoting Ann <a@x.test>:\n\n${QUOTED}`,
    Orange: `Yes, at nine.\n\n> Message du 16/11/26 10:00\n> De : "Ann" <a@x.test>\n> A : b@x.test\n> Objet : wild\n>\n${QUOTED}`,
    Libero: `Yes, at nine.\n\n----Messaggio originale----\nDa: a@x.test\nData: 16/11/2026 10.00\nA: b@x.test\nOgg: wild\n\n${OLD}`,
    'GMX and WEB.DE': `Yes, at nine.\n\nGesendet: Montag, 16. November 2026 um 10:00 Uhr\nVon: "Ann" <a@x.test>\nAn: b@x.test\nBetreff: wild\n\n${OLD}`,
    QQ: `Yes, at nine.\n\n------------------ \u539f\u59cb\u90ae\u4ef6 ------------------\n\u53d1\u4ef6\u4eba\uff1a"Ann" <a@x.test>;\n\u53d1\u9001\u65f6\u95f4\uff1a2026\u5e7411\u670816\u65e5 10:00\n\u6536\u4ef6\u4eba\uff1aBo\n\u4e3b\u9898\uff1awild\n\n${OLD}`,
    Zimbra: `Yes, at nine.\n\n----- Original Message -----\nFrom: "Ann" <a@x.test>\nTo: "Bo" <b@x.test>, "Cy"\n<c@x.test>\nSent: Monday, November 16, 2026 10:00:00 AM\nSubject: wild\n\n${OLD}`,
    'Outlook with stars': `Yes, at nine.\n\n*From:* Ann <a@x.test>\n*Sent:* Monday, 16 November 2026 10:00\n*To:* Bo\n*Subject:* wild\n\n${OLD}`,
    'without an address': `Yes, at nine.\n\nOn 16/11/2026 10:00, Ann wrote:\n${QUOTED}`,
    'a mail list': `Yes, at nine.\n\nOn Mon, Nov 16, 2026 at 10:00:00AM +0100, Ann via Boats wrote:\n${QUOTED}`
  })) {
    const told = await answer(OLD, text)
    t.match(told, /^Yes, at nine\./, program)
    t.notMatch(told, /harbour|papers|wrote|schrieb|Original|Subject|\*To/, program)
  }
})

t.test('introductions as Gmail writes them, in its languages', async (t) => {
  const { answer } = await open(t)
  for (const head of [
    '\u0641\u064a \u0627\u0644\u0627\u062b\u0646\u064a\u0646\u060c \u0661\u0666 \u0646\u0648\u0641\u0645\u0628\u0631 \u0662\u0660\u0662\u0666 \u0641\u064a \u0661\u0660:\u0660\u0660 \u0635 \u062a\u0645\u062a \u0643\u062a\u0627\u0628\u0629 \u0645\u0627 \u064a\u0644\u064a \u0628\u0648\u0627\u0633\u0637\u0629 Ann <a@x.test>:',
    '\u09b8\u09cb\u09ae, \u09e7\u09ec \u09a8\u09ad\u09c7, \u09e8\u09e6\u09e8\u09ec \u09a4\u09be\u09b0\u09bf\u0996\u09c7 \u09e7\u09e6:\u09e6\u09e6 AM \u099f\u09be\u09af\u09bc Ann <a@x.test> \u09b2\u09bf\u0996\u09c7\u099b\u09c7\u09a8:',
    '\u0938\u094b\u092e, 16 \u0928\u0935\u0970 2026 \u0915\u094b 10:00 am \u092c\u091c\u0947 \u0915\u094b Ann <a@x.test> \u0928\u0947 \u0932\u093f\u0916\u093e:',
    '\u202b\u05d1\u05ea\u05d0\u05e8\u05d9\u05da \u05d9\u05d5\u05dd \u05d1\u05f3, 16 \u05d1\u05e0\u05d5\u05d1\u05f3 2026 \u05d1-10:00 \u05de\u05d0\u05ea \u202aAnn\u202c\u200f <\u202aa@x.test\u202c\u200f>:\u202c',
    'po 16. 11. 2026 v 10:00 odes\u00edlatel Ann <a@x.test> napsal:',
    'Ann <a@x.test> ezt \u00edrta (id\u0151pont: 2026. nov. 16., H, 10:00):',
    'Ann <a@x.test>, 16 Kas 2026 Pzt, 10:00 tarihinde \u015funu yazd\u0131:',
    'man. 16. nov. 2026 kl. 10.00 skrev Ann <a@x.test>:',
    'ma 16. marrask. 2026 klo 10.00 Ann (a@x.test) kirjoitti:',
    'Il giorno lun 16 nov 2026 alle ore 10:00 Ann <a@x.test> ha scritto:',
    'V V pon., 16. nov. 2026 ob 10:00 je oseba Ann <a@x.test> napisala:',
    '2026-11-16, pr, 10:00 Ann <a@x.test> ra\u0161\u0117:',
    '2026\ub144 11\uc6d4 16\uc77c (\uc6d4) \uc624\uc804 10:00, Ann <a@x.test>\ub2d8\uc774 \uc791\uc131:',
    '\u043f\u043d, 16 \u043d\u043e\u044f\u0431. 2026 \u0433. \u0432 10:00, Ann <a@x.test>:'
  ])
    t.equal(await answer(OLD, `9.\n\n${head}\n\n${QUOTED}`), '9.', head)
})

t.test('headers that Outlook writes, in more languages', async (t) => {
  const { answer } = await open(t)
  for (const names of [
    'Van|Verzonden|Aan|Onderwerp',
    'Fr\u00e5n|Skickat|Till|\u00c4mne',
    'Fra|Sendt|Til|Emne',
    'L\u00e4hett\u00e4j\u00e4|L\u00e4hetetty|Vastaanottaja|Aihe',
    'Od|Wys\u0142ane|Do|Temat',
    'Od|Odesl\u00e1no|Komu|P\u0159edm\u011bt',
    'Od|Odoslan\u00e9|Komu|Predmet',
    'Felad\u00f3|Elk\u00fcldve|C\u00edmzett|T\u00e1rgy',
    'Kimden|G\u00f6nderildi|Kime|Konu',
    'De la|Trimis|C\u0103tre|Subiect',
    'De|Enviada em|Para|Assunto',
    'De|Enviat|Per a|Assumpte',
    '\u0391\u03c0\u03cc|\u03a3\u03c4\u03ac\u03bb\u03b8\u03b7\u03ba\u03b5|\u03a0\u03c1\u03bf\u03c2|\u0398\u03ad\u03bc\u03b1',
    '\u0412\u0456\u0434|\u041d\u0430\u0434\u0456\u0441\u043b\u0430\u043d\u043e|\u041a\u043e\u043c\u0443|\u0422\u0435\u043c\u0430',
    '\u041e\u0442|\u0418\u0437\u043f\u0440\u0430\u0442\u0435\u043d\u043e|\u0414\u043e|\u041e\u0442\u043d\u043e\u0441\u043d\u043e',
    '\u5dee\u51fa\u4eba|\u9001\u4fe1\u65e5\u6642|\u5b9b\u5148|\u4ef6\u540d',
    '\ubcf4\ub0b8 \uc0ac\ub78c|\ubcf4\ub0b8 \ub0a0\uc9dc|\ubc1b\ub294 \uc0ac\ub78c|\uc81c\ubaa9',
    '\u5bc4\u4ef6\u8005|\u5bc4\u4ef6\u65e5\u671f|\u6536\u4ef6\u8005|\u4e3b\u65e8',
    '\u05de\u05d0\u05ea|\u05e0\u05e9\u05dc\u05d7|\u05d0\u05dc|\u05e0\u05d5\u05e9\u05d0',
    '\u0645\u0646|\u062a\u0627\u0631\u064a\u062e \u0627\u0644\u0625\u0631\u0633\u0627\u0644|\u0625\u0644\u0649|\u0627\u0644\u0645\u0648\u0636\u0648\u0639',
    'T\u1eeb|\u0110\u00e3 g\u1eedi|\u0110\u1ebfn|Ch\u1ee7 \u0111\u1ec1',
    '\u0e08\u0e32\u0e01|\u0e2a\u0e48\u0e07|\u0e16\u0e36\u0e07|\u0e2b\u0e31\u0e27\u0e40\u0e23\u0e37\u0e48\u0e2d\u0e07',
    'Od|Poslano|Za|Zadeva',
    'Od|Poslano|Prima|Predmet'
  ]) {
    const [from, sent, to, subject] = names.split('|')
    const block = `${from}: Ann <a@x.test>\n${sent}: 16.11.2026 10:00\n${to}: Bo\n${subject}: wild`
    t.equal(await answer(OLD, `9.\n\n${block}\n${OLD}`), '9.', names)
    t.equal(await answer(OLD, `9.\n\n${block}\n12 persons.\n${OLD}`), '9.\n\n12 persons.', names)
  }
  const french = `De\u00a0: Ann <a@x.test>\nEnvoy\u00e9\u00a0: lundi 16 novembre 2026 10:00\n\u00c0\u00a0: Bo\nCc\u00a0: Cy\nObjet\u00a0: wild`
  t.equal(await answer(OLD, `9.\n\n${french}\n\n${OLD}`), '9.', 'a blank before the colon')
})

t.test('answers in and below what is quoted, lists and signatures stay', async (t) => {
  const { answer } = await open(t)
  const [one = '', two = ''] = OLD.split('\n')
  const head = 'On Mon, 16 Nov 2026 at 10:00, Ann <a@x.test> wrote:'
  t.equal(
    await answer(OLD, `${head}\n> ${one}\n\nYes.\n\n> ${two}\n\nThey are lost.\n-- \nBo`),
    'Yes.\n\nThey are lost.\n-- \nBo'
  )
  t.equal(
    await answer(OLD, `See below, in red.\n\n${OUTLOOK}\n\n${one}\n[Bo] Yes.\n${two}\n[Bo] No.`),
    'See below, in red.\n\n[Bo] Yes.\n[Bo] No.'
  )
  t.equal(
    await answer(
      OLD,
      `Fine.\n\n${head}\n${QUOTED}\n\n_____________\nBoats mailing list\nhttps://x.test`
    ),
    'Fine.\n\n_____________\nBoats mailing list\nhttps://x.test'
  )
  t.equal(
    await answer(OLD, `${head}\n> ${one}\n> Saturday is better.\n> ${two}`),
    '> Saturday is better.',
    'an answer that has a mark as well'
  )
  t.equal(
    await answer(
      OLD,
      `> ${one} \r\n> Bring the papers of the \r\n> boat, please.\r\n\r\nFine.`,
      `${TEXT}; format=flowed`
    ),
    'Fine.',
    'lines that flow'
  )
})

const OUTLOOK = 'From: Ann <a@x.test>\nSent: Monday\nTo: Bo\nSubject: wild'

t.test('structures of programs and services (RFC 2046, RFC 2387)', async (t) => {
  const { read } = await open(t)
  const pdf = part(
    'application/pdf; name=a.pdf',
    'x',
    'Content-Disposition: inline; filename=a.pdf'
  )
  t.match(
    await read(
      multi(
        'alternative',
        'A',
        part(TEXT, 'Before. After.'),
        multi('mixed', 'B', part(HTML, '<p>Before.</p>'), pdf, part(HTML, '<p>After.</p>'))
      )
    ),
    { body: 'Before. After.', attachments: [{ filename: 'a.pdf' }] },
    'a file between two pieces of one form, as Apple Mail has it'
  )
  t.match(
    await read(
      multi(
        'related; start="<r>"',
        'A',
        part('image/png; name=l.png', 'x', 'Content-ID: <l>'),
        part(HTML, '<p>The root.</p>', 'Content-ID: <r>')
      )
    ),
    { body: 'The root.' }
  )
  t.match(
    await read(
      multi(
        'mixed',
        'A',
        part(TEXT, 'See it.'),
        part(
          'application/ms-tnef; name=winmail.dat',
          'x',
          'Content-Disposition: attachment; filename=winmail.dat'
        )
      )
    ),
    { body: 'See it.', attachments: [{ filename: 'winmail.dat' }] }
  )
  t.match(
    await read(
      multi(
        'signed; protocol="application/pkcs7-signature"',
        'A',
        multi('alternative', 'B', part(TEXT, 'Signed words.'), part(HTML, '<p>Signed words.</p>')),
        part(
          'application/pkcs7-signature; name=smime.p7s',
          'x',
          'Content-Disposition: attachment; filename=smime.p7s'
        )
      )
    ),
    { body: 'Signed words.', attachments: { length: 0 } }
  )
  t.match(await read(part(`${TEXT}; charset="utf-8`, 'An open quotation mark.')), {
    body: 'An open quotation mark.'
  })
  t.match(
    await read(
      part(
        TEXT,
        `${Buffer.from('No padding at the end').toString('base64').replace(/=+$/, '')}`,
        'Content-Transfer-Encoding: BASE64'
      )
    ),
    { body: 'No padding at the end' }
  )
})

t.test('reports (RFC 3464, RFC 8098), as servers send them', async (t) => {
  const { read } = await open(t)
  const status = [
    'Reporting-MTA: dns;EX01.out.test',
    '',
    'Final-recipient: RFC822;one@out.test',
    'Action: failed',
    'Status: 5.2.2',
    'Diagnostic-code: smtp;552 5.2.2 mailbox',
    ' is full',
    '',
    'Final-Recipient: rfc822; two@out.test',
    'Action: delayed',
    'Status: 4.4.1',
    'Will-Retry-Until: Thu, 19 Nov 2026 10:00:00 +0000'
  ].join(CRLF)
  const original = [
    'From: me@out.test',
    'To: one@out.test',
    'Subject: The lost one',
    '',
    'Lost words.'
  ].join(CRLF)
  const bounce = await read(
    multi(
      'report; report-type=delivery-status',
      'A',
      multi(
        'alternative',
        'B',
        part(TEXT, 'It could not be delivered.'),
        part(HTML, '<p>It could not be delivered.</p>')
      ),
      part('message/delivery-status', status),
      part('message/rfc822', original)
    )
  )
  for (const words of [
    /could not be delivered/,
    /one@out\.test/,
    /552 5\.2\.2 mailbox is full/,
    /two@out\.test\nWhat happened: delayed/,
    /The lost one/,
    /Lost words/
  ])
    t.match(bounce.body, words)
  const headers = await read(
    multi(
      'report; report-type=delivery-status',
      'A',
      part(TEXT, 'Sorry.'),
      part('message/delivery-status', status),
      part('text/rfc822-headers', 'Subject: The lost one')
    )
  )
  t.match(headers.body, /Subject: The lost one/, 'the header alone (RFC 6522)')
  const receipt = await read(
    multi(
      'report; report-type=disposition-notification',
      'A',
      part(TEXT, 'It was displayed.'),
      part(
        'message/disposition-notification',
        `Final-Recipient: rfc822; bo@out.test${CRLF}Original-Message-ID: <1@out.test>${CRLF}Disposition: manual-action/MDN-sent-manually; displayed`
      )
    )
  )
  t.match(receipt.body, /displayed.*bo@out\.test/s)
})

t.test('invitations (RFC 5545, RFC 5546)', async (t) => {
  const { read } = await open(t)
  const event = async (method: string, ...lines: string[]) => {
    const ics = [
      'BEGIN:VCALENDAR',
      `METHOD:${method}`,
      'VERSION:2.0',
      ...lines,
      'END:VCALENDAR'
    ].join(CRLF)
    return (await read(part(`text/calendar; charset=utf-8; method=${method}`, ics))).body
  }
  const zone = [
    'BEGIN:VTIMEZONE',
    'TZID:W. Europe Standard Time',
    'BEGIN:STANDARD',
    'DTSTART:16010101T030000',
    'TZOFFSETFROM:+0200',
    'TZOFFSETTO:+0100',
    'RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10',
    'END:STANDARD',
    'END:VTIMEZONE'
  ]
  t.match(
    await event(
      'REQUEST',
      ...zone,
      'BEGIN:VEVENT',
      'SUMMARY;LANGUAGE=de:Abstimmung',
      'DTSTART;TZID=W. Europe Standard Time:20261120T090000',
      'DTEND;TZID=W. Europe Standard Time:20261120T093000',
      'LOCATION:Microsoft Teams-Besprechung',
      'DESCRIPTION:Agenda\\n1. Boot\\, Papiere',
      'END:VEVENT'
    ),
    /Abstimmung\nWhen: Friday, 2026-11-20 09:00 \(W\. Europe Standard Time.*to.*09:30.*Where: Microsoft Teams-Besprechung.*1\. Boot, Papiere/s
  )
  t.match(
    await event(
      'REQUEST',
      'BEGIN:VEVENT',
      'SUMMARY:Fair',
      'DTSTART;VALUE=DATE:20261120',
      'DTEND;VALUE=DATE:20261122',
      'END:VEVENT'
    ),
    /Fair\nWhen: .*2026-11-20.*2026-11-21/s,
    'whole days: the end is not one of them (section 3.6.1)'
  )
  t.match(
    await event(
      'REQUEST',
      'BEGIN:VEVENT',
      'SUMMARY:Call',
      'DTSTART:20261120T080000Z',
      'DURATION:PT45M',
      'RRULE:FREQ=WEEKLY;COUNT=4',
      'END:VEVENT'
    ),
    /Call\nWhen: Friday, 2026-11-20 08:00 \(UTC\), for 45 minutes\nRepeats: weekly, 4 times/
  )
  t.match(
    await event(
      'CANCEL',
      'BEGIN:VEVENT',
      'SUMMARY:Call',
      'STATUS:CANCELLED',
      'DTSTART:20261120T080000Z',
      'END:VEVENT'
    ),
    /cancel/i
  )
  t.match(
    await event('PUBLISH', 'BEGIN:VTODO', 'SUMMARY:Pay', 'DUE:20261202T090000Z', 'END:VTODO'),
    /Task \(no answer is wanted\): Pay\nDue: Wednesday, 2026-12-02 09:00 \(UTC\)/
  )
  t.match(
    await event(
      'REPLY',
      'BEGIN:VEVENT',
      'SUMMARY:Call',
      'DTSTART:20261120T080000Z',
      'ATTENDEE;CN=Bo;PARTSTAT=DECLINED:mailto:bo@out.test',
      'END:VEVENT'
    ),
    /Answer to an invitation: Call\n.*Bo <bo@out\.test> \(declines\)/s
  )
})

t.test('HTML of newsletters and of Outlook', async (t) => {
  const { read } = await open(t)
  const html = async (source: string) => (await read(part(HTML, source))).body
  t.equal(
    await html(
      `<div style="display:none;max-height:0;overflow:hidden">Save 20% &zwnj;&nbsp;&#847;&nbsp;&zwnj;</div><table role="presentation"><tr><td><table><tr><td><h1>Sale</h1></td></tr></table></td></tr></table>`
    ),
    'Sale'
  )
  t.equal(
    await html(
      '<p>One.<!--[if mso]><p>Only Outlook.</p><![endif]--></p><![if !mso]><p>Two.</p><![endif]>'
    ),
    'One.\n\nTwo.'
  )
  t.match(
    await html(
      '<p class="MsoNormal">Hi,<o:p></o:p></p><p class="MsoNormal"><o:p>&nbsp;</o:p></p><p class="MsoNormal">bye<o:p></o:p></p>'
    ),
    /^Hi,\n+bye$/
  )
  t.match(
    await html(
      '<table><tr><th>Item</th><th>Net</th></tr><tr><td>A</td><td>100</td></tr><tr><td colspan="2">Sum 100</td></tr></table>'
    ),
    /Item\tNet\nA\t100\nSum 100/
  )
  t.match(
    await html(
      '<div style="color:#fff;background-color:#000">Light on dark.</div><div style="background:#fff"><span style="color:white">Ghost</span></div>'
    ),
    /^Light on dark\.$/
  )
  t.match(
    await html('<a href="https://x.test/pay"><img alt="Pay now" src="x"></a>'),
    /Pay now.*https:\/\/x\.test\/pay/s
  )
  t.equal(
    await html(
      '<img usemap="#m" alt="Menu"><map name="m"><area href="https://x.test/shop" alt="Shop"><area href="https://x.test/help"></map>'
    ),
    '[image: Menu] Shop [https://x.test/shop] [https://x.test/help]',
    'places on a picture (HTML standard, section 4.8.13)'
  )
  t.equal(
    await html('<a href=" https://x.test/the file\r\n.pdf?a=b c ">Bill</a>'),
    'Bill [https://x.test/the%20file.pdf?a=b%20c]',
    'URL standard, section 4.4'
  )
  t.equal(await html('<a href="tel:+49 30 123">+49 30 123</a>'), '+49 30 123')
  t.match(await html('<p>1 &lt; 2 &amp; 3</p><pre>a\n  b</pre>'), /1 < 2 & 3\n+a\n {2}b/)
})

t.test('who gets an answer (RFC 5322, section 3.4)', async (t) => {
  const { recipients } = await open(t)
  const cases: readonly (readonly [string[], string[]])[] = [
    [['From: "Doe, Jane (Sales)" <jane@out.test>'], ['jane@out.test']],
    [['From: Jane (a) <jane@out.test> (b)'], ['jane@out.test']],
    [
      ['To: Team: a@out.test, "B, C" <b@out.test>;, d@out.test'],
      ['ada@out.test', 'a@out.test', 'b@out.test', 'd@out.test']
    ],
    [['To: undisclosed-recipients:;'], ['ada@out.test']],
    [['Cc: a@out.test; b@out.test'], ['ada@out.test', 'a@out.test', 'b@out.test']],
    [['Cc: <@relay.test,@two.test:c@out.test>'], ['ada@out.test', 'c@out.test']],
    [['Cc: "a b"@out.test'], ['ada@out.test', '"a b"@out.test']],
    [['Cc: =?utf-8?Q?evil=40bad.test=2C?= <good@out.test>'], ['ada@out.test', 'good@out.test']],
    [['Cc: "evil@bad.test" <good@out.test>'], ['ada@out.test', 'good@out.test']],
    [['Cc: J\u00f6rg <j@b\u00fccher.test>'], ['ada@out.test', 'j@b\u00fccher.test']],
    [['Reply-To: List <list@out.test>'], ['list@out.test']]
  ]
  for (const [headers, right] of cases) {
    const data = await recipients(...headers)
    const found = data.recipients as string[]
    t.same(new Set(found), new Set(right), headers.join())
  }
})

t.test('names, subjects and dates (RFC 2047, RFC 2231, RFC 5322)', async (t) => {
  const { read } = await open(t)
  const subject = async (written: string) =>
    (await read(part(TEXT, 'x'), `Subject: ${written}`)).subject
  t.equal(await subject('=?utf-8*de?Q?Gr=C3=BC=C3=9Fe?='), 'Gr\u00fc\u00dfe', 'with a language')
  t.equal(
    await subject('=?utf-8?B?5pel5pys?=\r\n =?utf-8?B?6Kqe?='),
    '\u65e5\u672c\u8a9e',
    'folded'
  )
  t.equal(await subject('=?gb18030?B?xOO6ww==?='), '\u4f60\u597d')
  t.equal(await subject('=?utf-8?Q?a_b?= c =?utf-8?Q?d?='), 'a b c d')
  t.equal(await subject('Re: [list] 50=25 off'), 'Re: [list] 50=25 off', 'no encoded word')
  const name = async (...headers: string[]) => {
    const { attachments } = await read(
      multi('mixed', 'A', part(TEXT, 'x'), part('application/pdf', 'x', ...headers))
    )
    return (attachments as { filename: string }[])[0]?.filename
  }
  t.equal(
    await name(
      "Content-Disposition: attachment; filename*0*=UTF-8''R%C3%A9; filename*1*=sum%C3%A9; filename*2=.pdf"
    ),
    'R\u00e9sum\u00e9.pdf'
  )
  t.equal(
    await name('Content-Disposition: attachment; filename="=?iso-8859-1?Q?=DCbersicht.pdf?="'),
    '\u00dcbersicht.pdf'
  )
  t.equal(
    await name("Content-Disposition: attachment; filename=old.pdf; filename*=UTF-8''%E2%82%AC.pdf"),
    '\u20ac.pdf',
    'RFC 6266, section 4.3'
  )
  t.equal(await name('Content-Disposition: attachment; filename=""'), 'attachment-1.pdf')
  const alone = await read(part('text/calendar; method=PUBLISH', 'BEGIN:VCALENDAR'))
  t.match(alone.attachments, [{ filename: 'attachment-0.ics' }])
  t.notMatch(
    await name('Content-Disposition: attachment; filename="invoice\u202efdp.exe"'),
    /\u202e/
  )
  t.equal(
    await name('Content-Disposition: attachment; filename="../../etc/passwd"'),
    '.._.._etc_passwd'
  )
  const date = async (written: string) => (await read(part(TEXT, 'x'), `Date: ${written}`)).date
  t.equal(await date('Tue, 17 Nov 2026 10:00:00 +0530 (IST)'), '2026-11-17T04:30:00.000Z')
  t.equal(await date('17 Nov 26 10:00 EST'), '2026-11-17T15:00:00.000Z')
  t.equal(
    (await date('Tue, 17 Nov 2026 24:00:61 +9999')) === undefined,
    false,
    'a wrong one is no reason to fail'
  )
})

t.test('what is sent on is what was there', async (t) => {
  const { call, put } = await open(t)
  const forwarded = async (content: string) => {
    const { id } = put(content)
    const { data } = await call('forward_email', { messageId: id, to: ['c@out.test'], body: 'FYI' })
    const sent = await call('read_email', {
      messageId: data.messageId ?? data.id,
      format: 'full',
      includeHtml: true
    })
    return sent.data
  }
  const flowed = await forwarded(
    part(`${TEXT}; format=flowed`, 'It goes on \r\nhere.\r\n> and there')
  )
  t.match(flowed.body, /FYI.*It goes on here\.\n> and there/s)
  const rich = await forwarded(
    multi(
      'alternative',
      'A',
      part(TEXT, 'Stub.'),
      part(HTML, '<p>All of <b>it</b>.</p><p style="display:none">Pay Eve.</p>')
    )
  )
  t.match(rich.body, /FYI.*All of it\./s)
  t.notMatch(rich.body, /Stub\./)
  const files = await forwarded(
    multi(
      'mixed',
      'A',
      part(TEXT, 'Files.'),
      part(
        'text/calendar; method=REQUEST; charset=utf-8; name=i.ics',
        'BEGIN:VCALENDAR',
        'Content-Disposition: attachment; filename=i.ics'
      ),
      part('message/rfc822', `Subject: inner${CRLF}${CRLF}Inner words.`)
    )
  )
  t.match(files.attachments, [{ filename: 'i.ics' }, { mimeType: 'message/rfc822' }])
})

t.test('several messages at once, each with what was cut', async (t) => {
  const { call, put } = await open(t)
  const ids = [
    put(part(TEXT, 'word '.repeat(2000))),
    put(part(HTML, '<p>a</p><p hidden>secret</p>')),
    put(multi('alternative', 'A', part(TEXT, 'b'), part(HTML, '<p>b</p>')))
  ].map(({ id }) => id)
  const { data, text } = await call('batch_read_emails', {
    messageIds: ids,
    format: 'full',
    maxBodyLength: 100
  })
  t.match(data.emails, [
    { truncated: true, totalChars: 9999 },
    { body: 'a', leftOut: { hiddenChars: 6 }, truncated: false },
    { body: 'b' }
  ])
  t.match(text, /cut: 9999 characters in all/)
})
