import { createHash } from 'node:crypto'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { makeDesktopBundle } from './desktop-bundle.ts'
import { makePackage, pack } from './package-directory.ts'
import { readManifest } from './package-manifest.ts'
import { registryEntry } from './registry-entry.ts'
import { run } from './run.ts'

/** Files of a release, in `directory`. */
export interface Artefacts {
  readonly directory: string
  /** The npm package. */
  readonly tarball: string
  /** The bundle for desktop clients. */
  readonly bundle: string
  /** Names of all that is there. */
  readonly names: readonly string[]
}

/**
 * Makes what a release consists of below `root`: the npm package, the bundle for desktop clients, a bill of materials in
 * CycloneDX, where the repository is known `server.json` for the MCP registry, and the SHA-256 of each.
 */
export async function makeArtefacts(
  root: string,
  repository: string | undefined
): Promise<Artefacts> {
  const directory = join(root, 'dist/release')
  await rm(directory, { recursive: true, force: true })
  await mkdir(directory, { recursive: true })
  const source = readManifest(await readFile(join(root, 'package.json'), 'utf8'))
  const made = await makePackage(root, repository)
  const tarball = await pack(made, directory)
  const licences = join(made, 'THIRD-PARTY-LICENSES.txt')
  const bundle = await makeDesktopBundle(root, source, licences, directory)
  const files = [tarball, bundle, await writeBill(root, directory)]
  if (repository !== undefined) {
    const published = { name: basename(bundle), sha256: await digestOf(bundle) }
    const entry = registryEntry(source, repository, published)
    files.push(join(directory, 'server.json'))
    await writeFile(join(directory, 'server.json'), `${JSON.stringify(entry, undefined, 2)}\n`)
  }
  const sums = await Promise.all(
    files.map(async (file) => `${await digestOf(file)}  ${basename(file)}\n`)
  )
  await writeFile(join(directory, 'SHA256SUMS'), sums.join(''))
  return {
    directory,
    tarball,
    bundle,
    names: [...files.map((file) => basename(file)), 'SHA256SUMS']
  }
}

/** What runs with the service, by the lock file. */
async function writeBill(root: string, directory: string): Promise<string> {
  const file = join(directory, 'sbom.cdx.json')
  const format = ['--sbom-format=cyclonedx', '--sbom-type=application']
  const bill = await run('npm', ['sbom', '--omit=dev', '--package-lock-only', ...format], root)
  await writeFile(file, bill)
  return file
}

const digestOf = async (file: string): Promise<string> =>
  createHash('sha256')
    .update(await readFile(file))
    .digest('hex')
