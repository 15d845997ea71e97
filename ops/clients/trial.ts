import { join } from 'node:path'
import type { LabClient, Place, Run } from './client.ts'
import type { Column } from './columns.ts'
import { makeHome } from './home.ts'
import { type Finding, holds, listed, marked, no, recovered, shownBytes, yes } from './judge.ts'
import { FOREIGN, IMAGE, PAPER, SUBJECT, TABLE_WORDS } from './messages.ts'
import { scriptedPerson } from './person.ts'
import type { Service } from './service.ts'
import { lastWords } from './sign-in.ts'
import type { StandInModel } from './stand-in-model/stand-in-model.ts'

export interface Shown {
  readonly text: string
  readonly image: string
  readonly link: string
  readonly blob: string
}

/** All that was seen of one client. */
export interface Outcome {
  readonly findings: Readonly<Record<Column, Finding>>
  readonly shown: Shown
}

export interface Bench {
  readonly service: Service
  readonly model: StandInModel
  /** Below it each client has its homes. */
  readonly root: string
  /** Where npm installed this client. */
  readonly packages: string
  /** Names of the tools that the person's token lists. */
  readonly expected: readonly string[]
  readonly messageId: string
  readonly filesId: string
  /** A token of the lowest level. */
  readonly readToken: string
}

/** Puts a client through everything, each part in a home of its own. */
export async function tryClient(client: LabClient, bench: Bench): Promise<Outcome> {
  const used = await use(client, bench)
  const shown = await showFiles(client, bench)
  const findings = {
    ...used,
    'level too low': await levelTooLow(client, bench),
    'wrong token': await wrongToken(client, bench),
    ...(await signIn(client, bench))
  }
  return { findings, shown }
}

const profile = { tool: 'get_profile', args: {} }
const letter = (email: string, subject: string) => ({
  tool: 'send_email',
  args: { to: [email], subject, body: 'From the lab.' }
})

/** A day's work, and what happens to the service meanwhile. */
async function use(client: LabClient, bench: Bench) {
  const { service, expected, messageId } = bench
  const subject = `From ${client.name}`
  const run = await client.run(await placeFor(client, bench, 'use'), target(bench), [
    { tool: 'search_emails', args: { query: 'from:bea@elsewhere.example', maxResults: 5 } },
    { tool: 'read_email', args: { messageId } },
    letter(service.email, subject),
    { ...profile, before: () => service.killWorker() },
    { ...profile, before: () => service.restart() },
    { ...profile, before: () => service.endSessions() },
    profile
  ])
  const { given } = run
  return {
    listed: withWords(listed(expected, run.tools), run),
    searched: holds(given[0], SUBJECT),
    read: holds(given[1], FOREIGN),
    marked: marked(given[1], FOREIGN),
    sent: await sent(service, subject, given[2]),
    'killed worker': holds(given[3], service.email),
    restart: holds(given[4], service.email),
    'ended by operator': recovered(given.slice(5), service.email)
  }
}

async function showFiles(client: LabClient, bench: Bench): Promise<Shown> {
  const get = (partId: string, delivery = 'auto') => ({
    tool: 'download_attachment',
    args: { messageId: bench.filesId, partId, delivery }
  })
  const run = await client.run(await placeFor(client, bench, 'files'), target(bench), [
    get('1'),
    get('2'),
    get('3'),
    get('3', 'inline')
  ])
  const [table, , paper] = run.given
  return {
    text: table?.includes(TABLE_WORDS) ? 'yes' : 'no',
    image: shownBytes(run.whole, IMAGE),
    link: paper?.includes('/attachments/') ? 'yes' : 'no',
    blob: /saved to/i.test(run.given[3] ?? '') ? 'saved as a file' : shownBytes(run.whole, PAPER)
  }
}

/** A token that may only read, and a call that sends: what does the model, or the person, get to know? */
async function levelTooLow(client: LabClient, bench: Bench): Promise<Finding> {
  const subject = `Too low for ${client.name}`
  const low = { url: target(bench).url, token: bench.readToken }
  const run = await client.run(await placeFor(client, bench, 'low'), low, [
    letter(bench.service.email, subject)
  ])
  if ((await bench.service.sentSubjects()).includes(subject)) return no('It was sent all the same.')
  const told = `${run.given.join(' ')} ${run.output}`
  return told.includes('gmail.modify')
    ? yes('told')
    : no(run.given[0] ?? lastWords(run.output), 'not told')
}

async function wrongToken(client: LabClient, bench: Bench): Promise<Finding> {
  const wrong = { url: target(bench).url, token: 'mcp_token_wrong' }
  const run = await client.run(await placeFor(client, bench, 'wrong'), wrong, [profile])
  const told = `${run.output} ${run.given.join(' ')}`
  if (told.includes(bench.service.email)) return no('It was let in.')
  return /401|[Uu]nauthor|invalid.token|[Aa]uthentication|not valid|auth_required|[Ss]ign in|\/oauth\/authorize\?/.test(
    told
  )
    ? yes('told')
    : no(lastWords(run.output) || (run.given[0] ?? ''), 'not told')
}

/** Signs in to read only, is refused when it sends, and signs in again to more. */
async function signIn(
  client: LabClient,
  bench: Bench
): Promise<Record<'sign-in' | 'step-up', Finding>> {
  const { service } = bench
  const begin = client.signIn
  if (typeof begin === 'string') return { 'sign-in': no(begin), 'step-up': no(begin) }
  const place = await placeFor(client, bench, 'oauth')
  const open = { url: target(bench).url }
  try {
    await begin(place, open, scriptedPerson(service.email, 'gmail.read'))
    const subject = `Stepping up, ${client.name}`
    const first = await client.run(place, open, [profile, letter(service.email, subject)])
    const signedIn = holds(first.given[0] ?? first.output, service.email)
    if (signedIn.is !== 'yes') return { 'sign-in': signedIn, 'step-up': signedIn }
    return {
      'sign-in': yes(),
      'step-up': await stepUp(client, place, bench, subject).catch(reasonOf)
    }
  } catch (error) {
    const reason = reasonOf(error)
    return { 'sign-in': reason, 'step-up': reason }
  }
}

async function stepUp(
  client: LabClient,
  place: Place,
  { service }: Bench,
  subject: string
): Promise<Finding> {
  if ((await service.sentSubjects()).includes(subject)) return yes('at once')
  if (typeof client.signIn === 'string') return no(client.signIn)
  const open = { url: `${service.origin}/mcp` }
  await client.signIn(place, open, scriptedPerson(service.email, 'gmail.modify'))
  const again = await client.run(place, open, [letter(service.email, subject)])
  const finding = await sent(service, subject, again.given[0] ?? again.output)
  return finding.is === 'yes' ? yes('after signing in again') : finding
}

const reasonOf = (error: unknown): Finding =>
  no(error instanceof Error ? error.message : String(error))

const target = ({ service }: Bench) => ({ url: `${service.origin}/mcp`, token: service.token })

async function sent(
  service: Service,
  subject: string,
  given: string | undefined
): Promise<Finding> {
  const subjects = await service.sentSubjects()
  return subjects.includes(subject) ? yes() : no(given ?? 'the call was never made')
}

const withWords = (finding: Finding, { output }: Run): Finding =>
  finding.is === 'yes' ? finding : no(lastWords(output), finding.what)

const placeFor = async (
  { name }: LabClient,
  { root, packages, model }: Bench,
  part: string
): Promise<Place> => ({
  model,
  home: await makeHome(join(root, name.replace(/\W+/g, '-').toLowerCase(), part), packages)
})
