/**
 * `npm run clients`: installs real clients by npm, drives them against the gateway over a stand-in for Google, and
 * writes what happened into docs/clients.json and the tables of docs/clients.md. It needs npm's registry and some
 * minutes, so it is no part of CI. Words after `--` choose clients by name; the rows of the others stay as they are.
 * CLIENTS_DIR keeps what was installed for the next time; with `--tables` only the tables are written again.
 * Ends with 1 when something is not a yes that has no reason of the client's.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildWorker } from './build.ts'
import { CLIENTS } from './clients/catalog.ts'
import { install } from './clients/install.ts'
import { listTools } from './clients/list-tools.ts'
import { foreignMail, mailWithFiles } from './clients/messages.ts'
import { tokenOfLevel } from './clients/person.ts'
import { Results, report, unexplained } from './clients/report.ts'
import { startService } from './clients/service.ts'
import { startStandInModel } from './clients/stand-in-model/stand-in-model.ts'
import { tryClient } from './clients/trial.ts'

const DOCUMENT = fileURLToPath(new URL('../docs/clients.md', import.meta.url))
const BEGIN = '<!-- written by npm run clients: begin -->'
const END = '<!-- written by npm run clients: end -->'

const RESULTS = fileURLToPath(new URL('../docs/clients.json', import.meta.url))
const words = process.argv.slice(2).map((word) => word.toLowerCase())
const results = await readResults()
const chosen = CLIENTS.filter(
  ({ name }) => words.length === 0 || words.some((word) => name.toLowerCase().includes(word))
)
if (!words.includes('--tables')) await tryAll()
await writeBetween(report(CLIENTS, results))
const open = unexplained(chosen, results)
for (const line of open) process.stderr.write(`not explained: ${line}\n`)
process.exitCode = open.length > 0 ? 1 : 0

async function tryAll(): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), 'clients-'))
  const installs = process.env.CLIENTS_DIR ?? join(root, 'installed')
  await buildWorker()
  const service = await startService(join(root, 'service'))
  const model = await startStandInModel()
  try {
    const common = {
      service,
      model,
      expected: await listTools(`${service.origin}/mcp`, service.token),
      messageId: await service.deliver(foreignMail(service.email)),
      filesId: await service.deliver(mailWithFiles(service.email)),
      readToken: await tokenOfLevel(service.origin, service.email, 'gmail.read')
    }
    for (const client of chosen) {
      const [first = ''] = client.packages
      const version = first.slice(first.lastIndexOf('@') + 1)
      const packages = join(installs, first.replace(/\W+/g, '-'))
      process.stderr.write(`${client.name} ${version} …\n`)
      const failure = await install(packages, client.packages)
      const outcome =
        failure ??
        (await tryClient(client, { ...common, root, packages }).catch(
          (error: unknown) => `the lab failed: ${String(error)}`
        ))
      const day = new Date().toISOString().slice(0, 10)
      // Another run may have written meanwhile.
      Object.assign(results, await readResults())
      results[client.name] = { version, day, node: process.version.slice(1), outcome }
      await writeFile(RESULTS, `${JSON.stringify(results, null, 2)}\n`)
    }
  } finally {
    await model.close()
    await service.close()
    await rm(root, { recursive: true, force: true })
  }
}

async function readResults(): Promise<Results> {
  return Results.parse(JSON.parse(await readFile(RESULTS, 'utf8')))
}

/** The rest of the document is written by people. */
async function writeBetween(tables: string): Promise<void> {
  const document = await readFile(DOCUMENT, 'utf8')
  const [before, rest] = document.split(BEGIN)
  const after = rest?.split(END)[1]
  if (after === undefined) throw new Error(`${DOCUMENT} has no place for the tables.`)
  await writeFile(DOCUMENT, `${before}${BEGIN}\n\n${tables}\n\n${END}${after}`)
}
