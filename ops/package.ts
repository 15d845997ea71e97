/**
 * `npm run package [-- --repository https://github.com/OWNER/PROJECT]`: makes what a release consists of in `dist/release`,
 * and tries the npm package and the bundle for desktop clients as strangers would. Exit code 1 tells of a failure.
 */
import { fileURLToPath } from 'node:url'
import { readCommandLine } from './command-line.ts'
import { makeArtefacts } from './release/artefacts.ts'
import { tryDesktopBundle, tryPackage } from './release/try-artefacts.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const say = (line: string): void => void process.stdout.write(`${line}\n`)

const { values } = readCommandLine({
  usage: 'npm run package [-- --repository https://github.com/OWNER/PROJECT]\n',
  most: 0,
  options: { repository: { type: 'string' } }
})

try {
  const { tarball, bundle, names } = await makeArtefacts(root, values.repository)
  for (const name of names) say(`made dist/release/${name}`)
  if (values.repository === undefined)
    say('no server.json for the MCP registry: --repository says where the code is')
  say(`the package starts its demo, which has ${await tryPackage(tarball)} tools`)
  say(`the bundle starts, and has ${await tryDesktopBundle(bundle, root)} tools`)
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
