import t from 'tap'
import { openGmailSession } from '../../helpers/gmail-session.ts'

t.test('people are found in the mail, those first whom the account has written to', async (t) => {
  const session = await openGmailSession(t)
  const mailbox = session.sandbox.mailbox(session.email)
  mailbox.deliver({ from: 'Bea Sand <bea@spoof.test>', subject: 'Hi', text: 'Me!' })
  mailbox.deliver({ from: 'Bea Sand <bea@spoof.test>', subject: 'Hi', text: 'Again' })
  mailbox.deliver({
    from: 'Cy <cy@out.test>',
    to: 'Bea Stone <x@other.test>',
    subject: 'Bea',
    text: 'Bea?'
  })
  const message = { to: ['Bea Sand <bea@out.test>', 'dan@out.test'], subject: 'Tea', body: 'Four?' }
  t.notOk((await session.call('send_email', message)).isError)

  const { data, text } = await session.call('search_contacts', { query: 'Bea' })
  t.match(data.contacts, [
    { address: 'bea@out.test', name: 'Bea Sand', writtenTo: true, messages: 1, lastDate: String },
    { address: 'bea@spoof.test', name: 'Bea Sand', writtenTo: false, messages: 2 }
  ])
  t.match(data.untrusted, /address/)
  t.match(text, /<untrusted-mail-(\w+)>\nBea Sand <bea@out.test>: written to, 1 seen/)
  t.match((await session.call('search_contacts', { query: 'bea', maxResults: 1 })).data.contacts, {
    length: 1
  })
  const part = await session.call('search_contacts', { query: 'da' })
  t.match(part.data.contacts, [{ address: 'dan@out.test' }], 'a part of a word, among the latest')
  const all = await session.call('search_contacts')
  t.same(
    Object(all.data.contacts)
      .map(({ address }: { address: string }) => address)
      .toSorted(),
    ['bea@out.test', 'bea@spoof.test', 'cy@out.test', 'dan@out.test'],
    'not the account itself'
  )
})

t.test('a query cannot become a search of its own, and nobody is nobody', async (t) => {
  const session = await openGmailSession(t, { level: 'gmail.read' })
  session.sandbox
    .mailbox(session.email)
    .deliver({ from: 'cy@out.test', subject: 'secret', text: 'x' })
  const asked = await session.call('search_contacts', { query: '") OR subject:(secret' })
  t.same(asked.data.contacts, [])
  t.match(asked.text, /ask the user/)
  t.match((await session.call('search_contacts', { maxResults: 51 })).data, {
    code: 'invalid_argument'
  })
})
