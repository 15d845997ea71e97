import { execFile } from 'node:child_process'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Debian packages that hold mail which others wrote, to test their own programs with. */
const BINARIES = ['libpython3.11-testsuite', 'golang-github-jhillyerd-enmime-dev']
const SOURCES = [
  'flufl.bounce',
  'kmime',
  'libmail-deliverystatus-bounceparser-perl',
  'notmuch',
  'roundcube'
]

const SUITE = `Types: deb deb-src
URIs: http://deb.debian.org/debian
Suites: bookworm
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
`

/**
 * Fetches the packages with apt into `directory` and unpacks each into a directory of its name. The machine's own lists
 * and packages stay as they are. Rejects where there is no apt, no network, or a package is gone.
 */
export async function fetchPackages(directory: string): Promise<void> {
  const at = (...steps: string[]) => join(directory, ...steps)
  for (const part of ['apt/lists/partial', 'apt/cache/archives/partial', 'packages', 'mail'])
    await mkdir(at(part), { recursive: true })
  await writeFile(at('apt/debian.sources'), SUITE)
  await writeFile(
    at('apt/apt.conf'),
    [
      `Dir::State::lists "${at('apt/lists')}";`,
      `Dir::Cache "${at('apt/cache')}";`,
      `Dir::Etc::sourcelist "${at('apt/debian.sources')}";`,
      'Dir::Etc::sourceparts "-";',
      'APT::Sandbox::User "";'
    ].join('\n')
  )
  const env = { ...process.env, APT_CONFIG: at('apt/apt.conf') }
  const apt = (...args: string[]) => run('apt-get', ['-q', ...args], { cwd: at('packages'), env })
  await apt('update')
  await apt('download', ...BINARIES)
  // Debian's own changes to a program are no mail.
  for (const source of SOURCES) await apt('source', '--download-only', '--tar-only', source)
  await unpack(at('packages'), at('mail'))
}

async function unpack(from: string, into: string): Promise<void> {
  for (const file of await readdir(from)) {
    const target = join(into, file.split('_', 1)[0] ?? file)
    if (!/\.deb$|\.orig\.tar\.(gz|xz|bz2)$/.test(file)) continue
    await mkdir(target, { recursive: true })
    if (file.endsWith('.deb')) await run('dpkg-deb', ['-x', join(from, file), target])
    else await run('tar', ['-xf', join(from, file), '-C', target])
  }
}
