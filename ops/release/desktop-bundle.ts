import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stop } from 'esbuild'
import { bundle, bundleMimeThread } from '../build.ts'
import type { SourceManifest } from './package-manifest.ts'
import { run } from './run.ts'

/**
 * Makes the bundle for desktop clients (`.mcpb`, https://github.com/modelcontextprotocol/mcpb): the program over stdin and
 * stdout in a few files, without packages to install. Its manifest is checked by the format's own program. `licences` is the
 * file of others' licences. Returns the bundle's path.
 */
export async function makeDesktopBundle(
  root: string,
  source: SourceManifest,
  licences: string,
  into: string
): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'gmail-mcp-bundle-'))
  try {
    const server = join(directory, 'server')
    await bundle({ stdio: join(root, 'ops/stdio.ts') }, server)
    await bundleMimeThread(server)
    await stop()
    await cp(join(root, 'LICENSE'), join(directory, 'LICENSE'))
    await cp(licences, join(directory, 'THIRD-PARTY-LICENSES.txt'))
    await writeFile(
      join(directory, 'manifest.json'),
      `${JSON.stringify(desktopManifest(source), undefined, 2)}\n`
    )
    const file = join(into, `${source.name}-${source.version}.mcpb`)
    await mkdir(into, { recursive: true })
    await run('mcpb', ['validate', directory], root)
    await run('mcpb', ['pack', directory, file], root)
    return file
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/** What the client puts in: where the bundle lies, or what its person has chosen. */
const filledIn = (name: string): string => `\${${name}}`

/** What a desktop client reads: what to start, and what to ask its person for. */
export const desktopManifest = (source: SourceManifest): object => ({
  manifest_version: '0.3',
  name: source.name,
  display_name: 'Gmail',
  version: source.version,
  description: 'Gmail for one person, on this machine: search, read, write, answer and sort mail.',
  author: { name: `The ${source.name} maintainers` },
  license: source.license,
  server: {
    type: 'node',
    entry_point: 'server/stdio.mjs',
    mcp_config: {
      command: 'node',
      args: [`${filledIn('__dirname')}/server/stdio.mjs`],
      env: {
        GMAIL_OAUTH_PATH: filledIn('user_config.oauth_client'),
        DEFAULT_LEVEL: filledIn('user_config.level')
      }
    }
  },
  // Which tools there are depends on the level that the person chooses.
  tools_generated: true,
  user_config: {
    oauth_client: {
      type: 'file',
      title: 'OAuth client',
      description: 'The JSON file of an OAuth client at Google, of type Desktop app',
      required: true
    },
    level: {
      type: 'string',
      title: 'Access level',
      description: 'gmail.read, gmail.draft, gmail.modify, gmail.settings or gmail.full',
      default: 'gmail.modify'
    }
  },
  compatibility: { platforms: ['darwin', 'linux'], runtimes: source.engines }
})
