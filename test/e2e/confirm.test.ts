import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import t, { type Test } from 'tap'
import { startSandbox } from '../../ops/sandbox/sandbox.ts'
import { Browser, formFields } from '../helpers/browser.ts'
import { answerGoogle } from '../helpers/sign-in.ts'
import { startGateway } from '../helpers/start-gateway.ts'

const ADA = 'ada@sandbox.example'
const BEN = 'ben@sandbox.example'

const google = await startSandbox({
  users: [
    { email: ADA, empty: true },
    { email: BEN, empty: true }
  ]
})
const gateway = await startGateway({
  google,
  level: 'gmail.full',
  settings: { ASK_FIRST: 'outside-domain' }
})
t.teardown(async () => {
  await gateway.close()
  await google.close()
})

const MODES = ['legacy', { pin: '2026-07-28' }] as const

async function connect(
  t: Test,
  mode: (typeof MODES)[number],
  isAsked?: (message: string) => boolean
) {
  const client = new Client(
    { name: 'test-assistant', version: '1' },
    { versionNegotiation: { mode }, capabilities: isAsked ? { elicitation: {} } : {} }
  )
  if (isAsked)
    client.setRequestHandler('elicitation/create', async ({ params }) =>
      isAsked(params.message)
        ? { action: 'accept', content: { agree: true } }
        : { action: 'decline' }
    )
  const requestInit = { headers: { authorization: `Bearer ${gateway.token}` } }
  await client.connect(new StreamableHTTPClientTransport(new URL(gateway.url), { requestInit }))
  t.teardown(() => client.close())
  return async (name: string, args: Record<string, unknown>) => {
    const { isError = false, content } = await client.callTool({ name, arguments: args })
    const [first] = content
    return { isError, text: first?.type === 'text' ? first.text : '' }
  }
}

/** Signs in on the account page. */
async function enter(email: string): Promise<Browser> {
  const browser = new Browser()
  const from = new URL(`${gateway.origin}/account`)
  const page = await (await browser.fetch(from)).text()
  const visit = await browser.submit('/account/sign-in', formFields(page), from)
  const at = { url: visit.url, text: await visit.response.text() }
  await answerGoogle(browser, at, { email }, () => false)
  return browser
}

/** Opens a link and answers what it asks; the last page's text and status. */
async function answer(browser: Browser, link: string, decision: 'allow' | 'deny') {
  const from = new URL(link)
  const shown = await browser.fetch(from)
  const page = await shown.text()
  if (shown.status !== 200) return { status: shown.status, page }
  const { response } = await browser.submit(
    '/account/confirm',
    { ...formFields(page), decision },
    from
  )
  return { status: response.status, page: `${page}${await response.text()}` }
}

const linkIn = (text: string): string =>
  /https?:\S+\/account\/confirm\/[\w-]+/.exec(text)?.[0] ?? ''
const deliver = (subject: string) =>
  google.mailbox(ADA).deliver({ from: 'Eve <eve@out.test>', subject, text: 'x' })

for (const mode of MODES) {
  const era = typeof mode === 'string' ? mode : mode.pin
  t.test(`a client (${era}) that shows forms asks its person, who decides`, async (t) => {
    const { id } = deliver(`Gone ${era}`)
    const asked: string[] = []
    let isAgreed = false
    const call = await connect(t, mode, (message) => {
      asked.push(message)
      return isAgreed
    })
    t.match(await call('delete_email', { messageId: id, confirm: true }), {
      isError: true,
      text: /^declined/
    })
    t.ok(google.mailbox(ADA).message(id))
    isAgreed = true
    t.match(await call('delete_email', { messageId: id }), { isError: false })
    t.notOk(google.mailbox(ADA).message(id))
    t.equal(asked.length, 2)
    t.match(asked[0], new RegExp(`for good.*\\n.*Eve.*Gone ${era}`))
  })

  t.test(`with a client (${era}) that shows none, the person decides on a page`, async (t) => {
    const { id } = deliver(`<b>Late</b> ${era}`)
    const call = await connect(t, mode)
    const args = { messageId: id, confirm: true }
    const asked = await call('delete_email', args)
    t.match(asked, { isError: true, text: /^confirmation_required/ })
    const link = linkIn(asked.text)
    t.equal((await answer(await enter(BEN), link, 'allow')).status, 404, 'not for another person')
    const nobody = await new Browser().fetch(new URL(link))
    t.equal(nobody.headers.get('location'), '/account', 'who is not signed in goes there first')
    const browser = await enter(ADA)
    const account = await (await browser.fetch(new URL(`${gateway.origin}/account`))).text()
    t.match(account, 'Your assistant asks you')
    const { page } = await answer(browser, link, 'allow')
    t.match(page, /Delete one message for good.*&#60;b&#62;Late/s, 'in words, which are no HTML')
    t.match(page, 'Allowed once')
    t.ok(google.mailbox(ADA).message(id), 'it is the call that does it')
    t.match(await call('delete_email', args), { isError: false })
    t.notOk(google.mailbox(ADA).message(id))
    t.equal((await answer(browser, link, 'allow')).status, 404, 'the link is used up')

    const mail = { to: ['eve@out.test'], subject: `Plan ${era}`, body: 'The plan.' }
    const outside = linkIn((await call('send_email', mail)).text)
    t.match((await answer(browser, outside, 'deny')).page, 'Nothing is done')
    t.match(await call('send_email', mail), { isError: true, text: /^declined/ })
    t.notOk(google.mailbox(ADA).bySubject(`Plan ${era}`))
  })
}
