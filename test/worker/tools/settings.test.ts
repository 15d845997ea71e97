import t from 'tap'
import { openGmailSession } from '../../helpers/gmail-session.ts'

const WORDS = { subject: 'Away', body: 'Back in January.' }

t.test(
  'the vacation responder is turned on when the person agreed, and keeps what is not given',
  async (t) => {
    const { call } = await openGmailSession(t, { level: 'gmail.settings' })
    t.match((await call('get_vacation_responder')).data, { enabled: false })

    const refused = await call('update_vacation_responder', { enabled: true, ...WORDS })
    t.match(refused, { isError: true, data: { code: 'confirmation_required' } })
    t.match((await call('get_vacation_responder')).data, { enabled: false }, 'nothing was changed')

    const on = await call('update_vacation_responder', {
      enabled: 'true',
      confirm: true,
      ...WORDS,
      start: '2026-12-24T00:00:00+01:00',
      end: '2027-01-02T00:00:00+01:00',
      restrictToContacts: true
    })
    t.match(on.data, { enabled: true, ...WORDS, start: '2026-12-23T23:00:00.000Z' })
    t.match(on.text, /is on\.\nFrom 2026-12-23T23:00:00.000Z until 2027-01-01T23:00:00.000Z/)

    const longer = await call('update_vacation_responder', {
      enabled: true,
      confirm: true,
      end: ''
    })
    t.match(longer.data, { enabled: true, ...WORDS, restrictToContacts: true })
    t.notOk('end' in longer.data, 'an empty end takes it away')

    const html = await call('update_vacation_responder', {
      enabled: true,
      confirm: true,
      htmlBody: '<b>Back</b>'
    })
    t.match(html.data, { htmlBody: '<b>Back</b>' })
    t.notOk('body' in html.data, 'one body takes the place of the other')

    const off = await call('update_vacation_responder', { enabled: false })
    t.match(off.data, { enabled: false, subject: 'Away' }, 'off needs nobody’s consent')

    for (const wrong of [
      { enabled: true, confirm: true, start: '2027-01-02T00:00:00Z', end: '2026-01-02T00:00:00Z' },
      { enabled: true, confirm: true, start: '2026-12-24' },
      { enabled: true, confirm: true, subject: '', htmlBody: '' }
    ])
      t.match(await call('update_vacation_responder', wrong), {
        isError: true,
        data: { code: 'invalid_argument' }
      })
  }
)

t.test(
  'addresses to send from are listed, and a signature is changed at the right one',
  async (t) => {
    const { sandbox, email, call } = await openGmailSession(t, { level: 'gmail.settings' })
    sandbox.mailbox(email).addAlias({ email: 'sales@sandbox.example', name: 'Sales' })
    const listed = await call('list_send_as')
    t.match(listed.data.sendAs, [
      { email, isPrimary: true, isDefault: true, verified: true },
      { email: 'sales@sandbox.example', isPrimary: false, displayName: 'Sales' }
    ])
    t.match(listed.text, /sales@sandbox\.example/)

    const own = await call('update_signature', { signature: '<p>Ada</p>' })
    t.match(own.data, { email, signature: '<p>Ada</p>' })
    const other = await call('update_signature', {
      signature: 'Sales',
      sendAsEmail: 'SALES@sandbox.example'
    })
    t.match(other.data, { email: 'sales@sandbox.example', signature: 'Sales' })
    t.match((await call('list_send_as')).data.sendAs, [
      { signature: '<p>Ada</p>' },
      { signature: 'Sales' }
    ])
    const gone = await call('update_signature', { signature: '' })
    t.notOk('signature' in gone.data)
    const foreign = await call('update_signature', { signature: 'x', sendAsEmail: 'a@out.test' })
    t.match(foreign, { isError: true, data: { code: 'invalid_argument' } })
    t.match(foreign.text, /must be one of: .*sales@sandbox\.example/)
  }
)

t.test(
  'settings of the mailbox are shown, and changed only where something was given',
  async (t) => {
    const { call } = await openGmailSession(t, { level: 'gmail.settings' })
    const before = await call('get_mail_settings')
    t.match(before.data, {
      imap: { enabled: Boolean },
      pop: { accessWindow: String },
      language: String
    })
    t.match(before.text, /^IMAP: /)
    const after = await call('update_mail_settings', {
      imap: { enabled: true, expungeBehavior: 'trash' },
      language: 'pt-BR'
    })
    t.match(after.data, { imap: { enabled: true, expungeBehavior: 'trash' }, language: 'pt-BR' })
    t.same(after.data.pop, before.data.pop, 'what was not given stays')
    const pop = await call('update_mail_settings', { pop: '{"disposition":"archive"}' })
    t.match(pop.data, {
      pop: { accessWindow: Object(before.data.pop).accessWindow, disposition: 'archive' }
    })
    for (const wrong of [{}, { language: 'no language' }, { imap: { enable: true } }])
      t.match(await call('update_mail_settings', wrong), {
        isError: true,
        data: { code: 'invalid_argument' }
      })
  }
)

t.test(
  'settings can be read with the lowest level, and changed only with that of settings',
  async (t) => {
    const { call, client } = await openGmailSession(t, { level: 'gmail.read' })
    for (const name of ['get_vacation_responder', 'list_send_as', 'get_mail_settings'])
      t.notOk((await call(name)).isError, name)
    const names = (await client.listTools()).tools.map(({ name }) => name)
    for (const name of ['update_vacation_responder', 'update_signature', 'update_mail_settings'])
      t.notOk(names.includes(name), name)
  }
)
