/** Runs the jobs with one build, against the stand-in. */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Client, InMemoryTransport } from '@modelcontextprotocol/client'
import { googleScopesFor } from '#shared/access-levels.ts'
import { systemClock } from '#shared/clock.ts'
import { OPEN_POLICY, type ToolSet } from '#shared/tool-policy.ts'
import { memorySendLedger } from '../../worker/gmail/memory-send-ledger.ts'
import { UNITS } from '../../worker/gmail/quota-units.ts'
import type * as Program from '../../worker/server/gmail-program.ts'
import type { GmailProgram } from '../../worker/server/gmail-program.ts'
import { type Sandbox, startSandbox } from '../sandbox/sandbox.ts'
import { type Job, TWENTY_JOBS } from './twenty-jobs.ts'

/** What a job has cost. */
export interface Cost {
  readonly calls: number
  /** Requests to Gmail. */
  readonly requests: number
  /** Of Google's quota. */
  readonly units: number
  /** Of the results in both forms, as most clients are sent them. */
  readonly bytes: number
  /** Of the results as text alone: in the core set, and to clients that show their model one form. */
  readonly textBytes: number
}

export interface JobCosts {
  /** In the order of the jobs, each with a new worker. */
  readonly jobs: readonly Cost[]
  /** All of them with one worker, as in a day's work. */
  readonly day: Cost
  /** Of the lists of tools, which a model is shown in each turn. */
  readonly listBytes: Readonly<Record<ToolSet, number>>
}

const EMAIL = 'ann@acme.test'
const LEVEL = 'gmail.settings'

/** Runs them with the sources in this directory. Rejects when a job fails: it would cost nothing that could be compared. */
export async function runJobs(root: string): Promise<JobCosts> {
  const jobs: Cost[] = []
  for (const job of TWENTY_JOBS) jobs.push(await inNewMailbox(root, 'all', ({ run }) => run(job)))
  const day = await inNewMailbox(root, 'all', async ({ run }) => {
    const costs: Cost[] = []
    for (const job of TWENTY_JOBS) costs.push(await run(job))
    return costs.reduce(sum)
  })
  const listOf = (set: ToolSet) =>
    inNewMailbox(root, set, async ({ client }) => JSON.stringify(await client.listTools()).length)
  const listBytes = {
    core: await listOf('core'),
    extended: await listOf('extended'),
    all: await listOf('all')
  }
  return { jobs, day, listBytes }
}

const sum = (a: Cost, b: Cost): Cost => ({
  calls: a.calls + b.calls,
  requests: a.requests + b.requests,
  units: a.units + b.units,
  bytes: a.bytes + b.bytes,
  textBytes: a.textBytes + b.textBytes
})

interface Desk {
  readonly run: (job: Job) => Promise<Cost>
  readonly client: Client
}

/** Each begins with the same mail. */
async function inNewMailbox<T>(
  root: string,
  set: ToolSet,
  use: (desk: Desk) => Promise<T>
): Promise<T> {
  const sandbox = await startSandbox({ users: [{ email: EMAIL, empty: true }] })
  fill(sandbox)
  const requests: string[] = []
  const program = await programOf(root, set, sandbox, (method) => requests.push(method))
  const [here, there] = InMemoryTransport.createLinkedPair()
  await program.build().connect(there)
  const client = new Client({ name: 'jobs', version: '1' })
  await client.connect(here)
  const run = async (job: Job): Promise<Cost> => {
    requests.length = 0
    const cost = { calls: 0, bytes: 0, textBytes: 0 }
    await job.run(async (name, args = {}) => {
      const result = await client.callTool({ name, arguments: args })
      const { structuredContent, ...text } = result
      if (result.isError) throw new Error(`${job.title}: ${JSON.stringify(result.content)}`)
      cost.calls += 1
      cost.bytes += Buffer.byteLength(JSON.stringify(result))
      cost.textBytes += Buffer.byteLength(JSON.stringify(text))
      return Object(structuredContent)
    })
    const units = requests.map((method) => unitsOf(method)).reduce((a, b) => a + b, 0)
    return { ...cost, requests: requests.length, units }
  }
  try {
    return await use({ run, client })
  } finally {
    await client.close()
    await program.close()
    await sandbox.close()
  }
}

const unitsOf = (method: string): number =>
  new Map<string, number>(Object.entries(UNITS)).get(method) ?? 0

async function programOf(
  root: string,
  set: ToolSet,
  sandbox: Sandbox,
  onRequest: (method: string) => void
): Promise<GmailProgram> {
  const file = pathToFileURL(join(root, 'worker/server/gmail-program.ts')).href
  const { createGmailProgram: create }: Pick<typeof Program, 'createGmailProgram'> = await import(
    file
  )
  const scopes = googleScopesFor(LEVEL)
  return create({
    account: { email: EMAIL },
    googleScopes: scopes,
    tokens: { get: async () => sandbox.issueGrant(EMAIL, scopes) },
    gmailOrigin: sandbox.url,
    clock: systemClock,
    report: { request: onRequest, throttled() {}, retried() {}, tool() {}, deduplicated() {} },
    threadFile: join(root, 'worker/mime/html-tasks.ts'),
    documentThreadFile: join(root, 'worker/mime/documents/document-tasks.ts'),
    version: '0.0.0',
    nonce: () => randomBytes(6).toString('hex'),
    random: Math.random,
    unitsPerMinute: 1_000_000,
    ledger: memorySendLedger(systemClock),
    policy: { ...OPEN_POLICY, person: { ...OPEN_POLICY.person, set } }
  })
}

const PARAGRAPH =
  'We looked at the figures again, and they are as they were in the last meeting. Please tell me by Thursday whether you agree, so that the others can be told. '

/** Conversations, newsletters, invoices: what a mailbox has. */
function fill(sandbox: Sandbox): void {
  const mailbox = sandbox.mailbox(EMAIL)
  for (let n = 1; n <= 8; n += 1) {
    const messageId = `<project-${n}@out.test>`
    const subject = `Project plan ${n}`
    mailbox.deliver({ from: 'Bo <bo@out.test>', subject, messageId, text: PARAGRAPH.repeat(n) })
    for (let reply = 1; reply <= n % 4; reply += 1)
      mailbox.deliver({
        from: 'Cem <cem@out.test>',
        subject: `Re: ${subject}`,
        inReplyTo: messageId,
        references: messageId,
        text: `Point ${reply}. ${PARAGRAPH}`
      })
  }
  const budget = '<budget@out.test>'
  mailbox.deliver({
    from: 'Bo <bo@out.test>',
    cc: 'Bob <bob@acme.test>',
    subject: 'Budget',
    messageId: budget,
    text: PARAGRAPH.repeat(3)
  })
  mailbox.deliver({
    from: 'Cem <cem@out.test>',
    subject: 'Re: Budget',
    inReplyTo: budget,
    references: budget,
    text: `I agree. ${PARAGRAPH}`
  })
  for (let n = 1; n <= 12; n += 1)
    mailbox.deliver({
      from: `News ${n} <news${n}@list.test>`,
      subject: `Weekly ${n}`,
      text: PARAGRAPH.repeat(2),
      html: `<table><tr><td><h1>Weekly ${n}</h1><p>${PARAGRAPH.repeat(2)}</p></td></tr></table>`,
      headers: { 'List-Id': `<list${n}.list.test>`, Precedence: 'bulk' }
    })
  for (const month of ['April', 'May', 'June'])
    mailbox.deliver({
      from: 'Shop <shop@out.test>',
      subject: `Invoice ${month}`,
      text: `Your invoice of ${month} is attached.`,
      attachments: [
        {
          filename: 'invoice.txt',
          mimeType: 'text/plain',
          content: Buffer.from(PARAGRAPH.repeat(20))
        }
      ]
    })
}
